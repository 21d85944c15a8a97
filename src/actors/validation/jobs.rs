//! Many streams, one job after the other: progress, results, and an end at any time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::check::{self, Options};
use super::course::Course;
use super::pace::{Limits, Next, Pace, Turn};
use super::report::{Outcome, Report, SourceReport};
use crate::actors::hub::Hub;
use crate::base::clock;
use crate::base::ids::JobId;
use crate::stream::StreamId;

/// Jobs that are remembered, those under way included.
const MOST_JOBS: usize = 16;
/// Most streams of one job.
pub const MOST_STREAMS: usize = 10_000;
/// Results of all jobs together, in bytes of JSON; what is over loses its details.
const MOST_BYTES: usize = 32 << 20;
/// Validations of single streams at a time.
const SINGLES: usize = 4;
/// How often it is asked whether a stream that is being checked is still there.
const GLANCE: Duration = Duration::from_millis(250);
/// How long another one waits for its turn.
const SINGLE_WAIT: Duration = Duration::from_secs(10);

/// All validations. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Validations {
    hub: Arc<Hub>,
    stop: CancellationToken,
    singles: Arc<Semaphore>,
    kept: Arc<Mutex<Kept>>,
    /// Held by the job that runs; the others queue up behind it in the order of their arrival.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Newest first.
    jobs: VecDeque<Arc<Job>>,
    bytes: usize,
}

/// A job.
#[derive(Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// When it was asked for.
    pub created_at: jiff::Timestamp,
    streams: Vec<StreamId>,
    options: Options,
    primary_only: bool,
    cancel: CancellationToken,
    state: Mutex<JobState>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ValidationState)]
pub enum State {
    /// It waits for another one to end.
    Queued,
    /// It runs.
    Running,
    /// It has checked all its streams.
    Finished,
    /// It was cancelled; what was found before is kept.
    Cancelled,
}

/// How far a job is, in numbers of streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ValidationProgress)]
pub struct Counts {
    /// Streams of the job.
    pub total: usize,
    /// Streams that are done.
    pub done: usize,
    /// Of those: each source works.
    pub passed: usize,
    /// Some sources work.
    pub degraded: usize,
    /// No source works.
    pub failed: usize,
    /// The stream was deleted before its turn or in the middle.
    pub deleted: usize,
    /// Checks that run now.
    pub running: usize,
}

#[derive(Debug)]
struct JobState {
    state: State,
    started_at: Option<jiff::Timestamp>,
    finished_at: Option<jiff::Timestamp>,
    counts: Counts,
    results: Vec<Arc<Report>>,
    bytes: usize,
}

/// A job as it is now.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How far it is.
    pub state: State,
    /// When it began.
    pub started_at: Option<jiff::Timestamp>,
    /// When it ended.
    pub finished_at: Option<jiff::Timestamp>,
    /// In numbers.
    pub counts: Counts,
}

/// What a job is to do.
#[derive(Clone, Debug)]
pub struct Order {
    /// The streams, in the order in which they are begun.
    pub streams: Vec<StreamId>,
    /// How each source is checked.
    pub options: Options,
    /// Leave out the backups.
    pub primary_only: bool,
}

/// There are too many jobs under way.
#[derive(Debug, thiserror::Error)]
#[error("{MOST_JOBS} validations wait or run already; cancel one, or wait")]
pub struct TooMany;

impl Validations {
    /// None yet. All end when `stop` is cancelled.
    pub fn new(hub: Arc<Hub>, stop: CancellationToken) -> Self {
        Self {
            hub,
            stop,
            singles: Arc::new(Semaphore::new(SINGLES)),
            kept: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// The right to validate one stream now; `None` when too many others do for too long.
    pub async fn single(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.singles).acquire_owned();
        let permit = tokio::time::timeout(SINGLE_WAIT, permit);
        permit.await.ok()?.ok()
    }

    /// Begins a job, now or when those before it have ended.
    ///
    /// # Errors
    /// When too many are under way.
    pub fn begin(&self, order: Order) -> Result<Arc<Job>, TooMany> {
        let job = Arc::new(Job::new(order, self.stop.child_token()));
        {
            let mut kept = self.kept();
            if kept.jobs.len() >= MOST_JOBS && !kept.forget_oldest() {
                return Err(TooMany);
            }
            kept.jobs.push_front(Arc::clone(&job));
        }
        tokio::spawn(self.clone().run(Arc::clone(&job)));
        Ok(job)
    }

    /// All jobs that are remembered, newest first.
    pub fn list(&self) -> Vec<Arc<Job>> {
        self.kept().jobs.iter().cloned().collect()
    }

    /// One job.
    pub fn get(&self, id: JobId) -> Option<Arc<Job>> {
        self.kept().jobs.iter().find(|job| job.id == id).cloned()
    }

    /// Ends a job at once; one that has ended is forgotten. False when there is none.
    pub fn cancel(&self, id: JobId) -> bool {
        let Some(job) = self.get(id) else {
            return false;
        };
        if job.is_over() {
            self.kept().forget(id);
        } else {
            job.cancel.cancel();
        }
        true
    }

    async fn run(self, job: Arc<Job>) {
        let turn = job.cancel.run_until_cancelled(self.turn.lock()).await;
        if turn.is_some() {
            job.begun();
            let work = Work::new(&self, &job).run();
            job.cancel.run_until_cancelled(work).await;
        }
        // Here all checks have ended, or are ending: they were owned by the work.
        job.ended();
        let counts = job.snapshot().counts;
        tracing::info!(job = %job.id, cancelled = job.cancel.is_cancelled(), passed = counts.passed,
            degraded = counts.degraded, failed = counts.failed, deleted = counts.deleted, "validation ended");
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Files a result. When there are too many bytes of them, the oldest jobs that have ended are
    /// forgotten; when that is not enough, the result loses its details.
    fn file(&mut self, job: &Job, mut report: Report) {
        let mut bytes = size(&report);
        while self.bytes + bytes > MOST_BYTES && self.forget_oldest() {}
        if self.bytes + bytes > MOST_BYTES {
            report.sources.clear();
            bytes = size(&report);
        }
        // A job that was forgotten meanwhile counts no more.
        if self.jobs.iter().any(|other| other.id == job.id) {
            self.bytes += bytes;
            job.file(report, bytes);
        }
    }

    /// Forgets the oldest job that has ended; false when none has.
    fn forget_oldest(&mut self) -> bool {
        let oldest = self.jobs.iter().rfind(|job| job.is_over());
        match oldest.map(|job| job.id) {
            Some(id) => {
                self.forget(id);
                true
            }
            None => false,
        }
    }

    fn forget(&mut self, id: JobId) {
        if let Some(index) = self.jobs.iter().position(|job| job.id == id)
            && let Some(job) = self.jobs.remove(index)
        {
            self.bytes = self.bytes.saturating_sub(job.state().bytes);
        }
    }
}

impl Job {
    fn new(order: Order, cancel: CancellationToken) -> Self {
        let counts = Counts {
            total: order.streams.len(),
            ..Counts::default()
        };
        Self {
            id: JobId::generate(),
            created_at: clock::wall(),
            streams: order.streams,
            options: order.options,
            primary_only: order.primary_only,
            cancel,
            state: Mutex::new(JobState {
                state: State::Queued,
                started_at: None,
                finished_at: None,
                counts,
                results: Vec::new(),
                bytes: 0,
            }),
        }
    }

    /// How it is now.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        Snapshot {
            state: state.state,
            started_at: state.started_at,
            finished_at: state.finished_at,
            counts: state.counts,
        }
    }

    /// The results so far, in the order in which they came.
    pub fn results(&self) -> Vec<Arc<Report>> {
        self.state().results.clone()
    }

    fn is_over(&self) -> bool {
        matches!(self.state().state, State::Finished | State::Cancelled)
    }

    fn begun(&self) {
        let mut state = self.state();
        state.state = State::Running;
        state.started_at = Some(clock::wall());
    }

    fn ended(&self) {
        let mut state = self.state();
        let complete = state.counts.done == state.counts.total;
        state.state = if complete {
            State::Finished
        } else {
            State::Cancelled
        };
        state.counts.running = 0;
        state.finished_at = Some(clock::wall());
    }

    fn runs(&self, running: usize) {
        self.state().counts.running = running;
    }

    fn file(&self, report: Report, bytes: usize) {
        let mut state = self.state();
        let counts = &mut state.counts;
        counts.done += 1;
        *match report.outcome {
            Outcome::Passed => &mut counts.passed,
            Outcome::Degraded => &mut counts.degraded,
            Outcome::Failed => &mut counts.failed,
            Outcome::Deleted => &mut counts.deleted,
        } += 1;
        state.bytes += bytes;
        state.results.push(Arc::new(report));
    }

    fn state(&self) -> MutexGuard<'_, JobState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job under way. Dropping it ends all its checks.
struct Work<'a> {
    all: &'a Validations,
    job: &'a Arc<Job>,
    pace: Pace<Check>,
    under_way: HashMap<StreamId, Begun>,
    checks: JoinSet<Option<SourceReport>>,
    turns: HashMap<Id, Turn<Check>>,
}

/// One source of one stream.
#[derive(Clone, Debug)]
struct Check {
    stream: StreamId,
    source: usize,
}

/// What is known of a stream so far.
struct Begun {
    at: (Instant, jiff::Timestamp),
    sources: Vec<SourceReport>,
}

impl<'a> Work<'a> {
    fn new(all: &'a Validations, job: &'a Arc<Job>) -> Self {
        Self {
            all,
            job,
            pace: Pace::new(Limits::default()),
            under_way: HashMap::new(),
            checks: JoinSet::new(),
            turns: HashMap::new(),
        }
    }

    async fn run(mut self) {
        for stream in &self.job.streams {
            match self.turn(stream, 0) {
                Some(turn) => self.pace.push(turn),
                None => self.deleted(stream),
            }
        }
        loop {
            let until = match self.pace.next(clock::now()) {
                Next::Start(turn) => {
                    self.start(turn);
                    continue;
                }
                Next::Wait(until) => Some(until),
                Next::Busy => None,
                Next::Idle => return,
            };
            let pause = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(ended) = self.checks.join_next_with_id() => match ended {
                    Ok((id, source)) => self.ended(id, source),
                    Err(error) => self.ended(error.id(), None),
                },
                () = pause => {}
            }
        }
    }

    /// The turn of a source; `None` when there is no such stream or source (any more).
    fn turn(&self, stream: &StreamId, source: usize) -> Option<Turn<Check>> {
        let record = self.all.hub.catalog.get(stream)?;
        let place = record.definition.sources.get(source)?;
        Some(Turn {
            host: place.url.host().unwrap_or_default().to_owned(),
            work: Check {
                stream: stream.clone(),
                source,
            },
        })
    }

    fn start(&mut self, turn: Turn<Check>) {
        let Check { stream, source } = turn.work.clone();
        let begun = || Begun {
            at: (clock::now(), clock::wall()),
            sources: Vec::new(),
        };
        self.under_way.entry(stream.clone()).or_insert_with(begun);
        let (hub, options) = (Arc::clone(&self.all.hub), self.job.options);
        let handle = self.checks.spawn(async move {
            // Nobody looks on at one of many.
            let course = Course::default();
            let record = hub.catalog.get(&stream)?;
            let deleted = async {
                while hub.catalog.get(&stream).is_some() {
                    tokio::time::sleep(GLANCE).await;
                }
            };
            tokio::select! {
                biased;
                () = deleted => None,
                checked = check::check(&hub, &record.definition, source, true, &options, &course) => Some(checked),
            }
        });
        self.turns.insert(handle.id(), turn);
        self.job.runs(self.pace.running());
    }

    fn ended(&mut self, id: Id, source: Option<SourceReport>) {
        let Some(turn) = self.turns.remove(&id) else {
            return;
        };
        self.pace.ended(&turn.host);
        self.job.runs(self.pace.running());
        let Check {
            stream,
            source: index,
        } = turn.work;
        let Some(source) = source else {
            return self.deleted(&stream);
        };
        if let Some(begun) = self.under_way.get_mut(&stream) {
            begun.sources.push(source);
        }
        let next = if self.job.primary_only {
            None
        } else {
            self.turn(&stream, index + 1)
        };
        match next {
            Some(turn) => self.pace.push_first(turn),
            None => {
                if let Some(begun) = self.under_way.remove(&stream) {
                    let stream = Some(stream.to_string());
                    let report = check::report(stream, begun.sources, begun.at);
                    self.all.kept().file(self.job, report);
                }
            }
        }
    }

    fn deleted(&mut self, stream: &StreamId) {
        let begun = self.under_way.remove(stream);
        let at = begun.map_or_else(|| (clock::now(), clock::wall()), |begun| begun.at);
        let mut report = check::report(Some(stream.to_string()), Vec::new(), at);
        report.outcome = Outcome::Deleted;
        "there is no such stream any more".clone_into(&mut report.summary);
        self.all.kept().file(self.job, report);
    }
}

/// Bytes of a report as JSON: near enough to what it holds in memory.
fn size(report: &Report) -> usize {
    serde_json::to_vec(report).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::super::report::SourceOutcome;
    use super::*;

    fn job(streams: usize) -> Arc<Job> {
        let id = |n| StreamId::parse(&format!("s{n}")).unwrap();
        let order = Order {
            streams: (0..streams).map(id).collect(),
            options: Options {
                source: None,
                timeout: Duration::from_secs(20),
                deadline: None,
                fresh: false,
                decode: true,
            },
            primary_only: false,
        };
        Arc::new(Job::new(order, CancellationToken::new()))
    }

    /// A report of about this many bytes, most of them details.
    fn report(bytes: usize) -> Report {
        let source = SourceReport {
            index: 0,
            outcome: SourceOutcome::Passed,
            connection: None,
            took_ms: 0,
            failure: None,
            stages: Vec::new(),
            found: Some(super::super::Found {
                container: Some("x".repeat(bytes)),
                ..super::super::Found::default()
            }),
            preview: None,
        };
        check::report(None, vec![source], (clock::now(), clock::wall()))
    }

    #[test]
    fn results_are_bounded_the_oldest_job_goes_first_and_then_the_details() {
        let mut kept = Kept::default();
        let (old, new) = (job(20), job(40));
        kept.jobs.push_front(Arc::clone(&old));
        kept.jobs.push_front(Arc::clone(&new));
        for _ in 0..20 {
            kept.file(&old, report(1 << 20));
        }
        old.ended();
        assert_eq!(old.snapshot().state, State::Finished);
        for _ in 0..40 {
            kept.file(&new, report(1 << 20));
            assert!(kept.bytes <= MOST_BYTES + (1 << 16), "{}", kept.bytes);
        }
        assert_eq!(kept.jobs.len(), 1, "the job that had ended made room");
        let results = new.results();
        let detailed = results.iter().filter(|report| !report.sources.is_empty());
        assert_eq!((results.len(), detailed.count()), (40, 31));
        assert_eq!(new.snapshot().counts.passed, 40);
        new.ended();
        assert!(kept.forget_oldest() && !kept.forget_oldest());
        assert_eq!(kept.bytes, 0);
    }
}
