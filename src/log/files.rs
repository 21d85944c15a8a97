//! Log files that are rotated by size: `sightglass.log`, then `.1` (the newest of the old ones) and so on.
//!
//! Lines are never split between files. A write that fails, on a full disk for example, leaves no half line behind: its
//! lines are lost, and so are those that come until it is tried again a moment later.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The file that is written.
const NAME: &str = "sightglass.log";
/// Lines of so many bytes are written at a time.
const CHUNK: usize = 64 * 1024;
/// After a failure nothing is tried for this long.
const PAUSE: Duration = Duration::from_secs(2);
/// Whether the file is still where it was is looked at this often: others may rotate or remove it.
const LOOK: Duration = Duration::from_secs(5);

/// Where log files are, and how much of them there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// Most bytes of a file.
    pub(super) most_bytes: u64,
    /// Most files, the one that is written included.
    pub(super) most_files: usize,
}

/// Writes log files.
#[derive(Debug)]
pub(super) struct Files {
    place: Place,
    current: Option<Current>,
    /// After a failure: not before then.
    pause_until: Option<Instant>,
    looked: Option<Instant>,
    chunk: Vec<u8>,
}

#[derive(Debug)]
struct Current {
    file: File,
    inode: (u64, u64),
    /// Whole lines that are in it, bytes.
    bytes: u64,
}

/// How writing went.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Lines that are not written.
    pub(super) lost: u64,
    /// The last failure.
    pub(super) error: Option<io::Error>,
}

impl Files {
    /// Touches nothing yet.
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            current: None,
            pause_until: None,
            looked: None,
            chunk: Vec::with_capacity(CHUNK),
        }
    }

    /// Writes lines, each of which ends with a newline.
    pub(super) fn write<'l>(
        &mut self,
        lines: impl IntoIterator<Item = &'l Arc<str>>,
        now: Instant,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let mut waiting = 0;
        self.chunk.clear();
        self.follow(now);
        for line in lines {
            self.open(now, &mut outcome);
            let so_far = self.current.as_ref().map_or(0, |current| current.bytes);
            let with_it = so_far + (self.chunk.len() + line.len()) as u64;
            let full = with_it > self.place.most_bytes && so_far + self.chunk.len() as u64 > 0;
            if full || self.chunk.len() + line.len() > CHUNK {
                self.flush(&mut waiting, now, &mut outcome);
            }
            if full {
                self.rotate(now, &mut outcome);
            }
            self.chunk.extend_from_slice(line.as_bytes());
            waiting += 1;
        }
        self.flush(&mut waiting, now, &mut outcome);
        outcome
    }

    fn flush(&mut self, waiting: &mut u64, now: Instant, outcome: &mut Outcome) {
        let lines = std::mem::take(waiting);
        if lines == 0 {
            return;
        }
        if let Some(current) = &mut self.current {
            match current.file.write_all(&self.chunk) {
                Ok(()) => current.bytes += self.chunk.len() as u64,
                Err(error) => {
                    // No half line stays behind.
                    let _ = current.file.set_len(current.bytes);
                    outcome.lost += lines;
                    self.fail(error, now, outcome);
                }
            }
        } else {
            outcome.lost += lines;
        }
        self.chunk.clear();
    }

    fn open(&mut self, now: Instant, outcome: &mut Outcome) {
        if self.current.is_some() || self.pause_until.is_some_and(|until| now < until) {
            return;
        }
        self.pause_until = None;
        match Current::open(&self.place) {
            Ok(current) => self.current = Some(current),
            Err(error) => self.fail(error, now, outcome),
        }
    }

    /// Goes on with a new file, and gives those before it their next numbers.
    fn rotate(&mut self, now: Instant, outcome: &mut Outcome) {
        if self.current.take().is_none() {
            return;
        }
        match self.shift() {
            Ok(()) => self.open(now, outcome),
            Err(error) => self.fail(error, now, outcome),
        }
    }

    /// Nothing is tried for a moment, and then all is opened anew: the folder may have been replaced.
    fn fail(&mut self, error: io::Error, now: Instant, outcome: &mut Outcome) {
        self.current = None;
        self.pause_until = Some(now + PAUSE);
        outcome.error = Some(error);
    }

    fn shift(&self) -> io::Result<()> {
        let oldest = self.place.most_files.saturating_sub(1);
        if oldest == 0 {
            return match fs::remove_file(self.place.file(0)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        for number in (0..oldest).rev() {
            let (from, to) = (self.place.file(number), self.place.file(number + 1));
            match fs::rename(from, to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Notices when somebody else has moved or removed the file.
    fn follow(&mut self, now: Instant) {
        if self
            .looked
            .is_some_and(|at| now.saturating_duration_since(at) < LOOK)
        {
            return;
        }
        self.looked = Some(now);
        let there = fs::metadata(self.place.file(0)).map(|it| (it.dev(), it.ino(), it.len()));
        let there = there.ok();
        if let Some(current) = &self.current
            && there != Some((current.inode.0, current.inode.1, current.bytes))
        {
            self.current = None;
        }
    }
}

impl Current {
    fn open(place: &Place) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(&place.folder)?;
        place.remove_surplus();
        let mut options = OpenOptions::new();
        // Logs name clients and hosts: not for everybody.
        let file = options
            .append(true)
            .create(true)
            .mode(0o640)
            .open(place.file(0))?;
        let metadata = file.metadata()?;
        Ok(Self {
            file,
            inode: (metadata.dev(), metadata.ino()),
            bytes: metadata.len(),
        })
    }
}

impl Place {
    fn file(&self, number: usize) -> PathBuf {
        match number {
            0 => self.folder.join(NAME),
            number => self.folder.join(format!("{NAME}.{number}")),
        }
    }

    /// Files of a time when more of them were kept.
    fn remove_surplus(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let number = number_of(Path::new(&name));
            if number.is_some_and(|number| number >= self.most_files) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The number of an old file of ours.
fn number_of(name: &Path) -> Option<usize> {
    let digits = name.to_str()?.strip_prefix(NAME)?.strip_prefix('.')?;
    let number = digits.parse().ok()?;
    (number > 0 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock;

    fn files(folder: &Path, most_bytes: u64, most_files: usize) -> Files {
        Files::new(Place {
            folder: folder.to_owned(),
            most_bytes,
            most_files,
        })
    }

    fn lines(numbers: std::ops::Range<u32>) -> Vec<Arc<str>> {
        numbers.map(|n| format!("line {n:05}\n").into()).collect()
    }

    /// Names and texts of all files.
    fn read(folder: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut all: Vec<_> = entries
            .map(|entry| {
                let entry = entry.expect("readable");
                let text = fs::read_to_string(entry.path()).expect("text");
                (entry.file_name().into_string().expect("text"), text)
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn files_are_rotated_between_lines_and_no_more_are_kept_than_wanted() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = clock::now();
        let mut files = files(folder.path(), 100, 3);
        // 11 bytes each: nine a file.
        for n in 0..10 {
            let outcome = files.write(&lines(n * 4..n * 4 + 4), now);
            assert_eq!((outcome.lost, outcome.error.is_none()), (0, true));
        }
        let all = read(folder.path());
        let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [NAME, "sightglass.log.1", "sightglass.log.2"]);
        let text = |at: usize| all[at].1.clone();
        let whole = text(2) + &text(1) + &text(0);
        let expected: String = lines(18..40).concat();
        assert_eq!(whole, expected);
        assert!(all.iter().all(|(_, text)| text.len() <= 100));

        // Goes on where it was, after a restart, with fewer files.
        let mut files = self::files(folder.path(), 100, 2);
        files.write(&lines(40..41), now);
        assert_eq!(read(folder.path()).len(), 2);
        let mut single = self::files(folder.path(), 100, 1);
        single.write(&lines(0..50), now);
        let all = read(folder.path());
        assert_eq!(all.len(), 1);
        assert!(all[0].1.len() <= 100 && all[0].1.ends_with("00049\n"));
    }

    #[test]
    fn a_line_that_is_larger_than_a_file_may_be_is_written_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = files(folder.path(), 100, 2);
        let long: Arc<str> = ("x".repeat(300) + "\n").into();
        files.write(&[long.clone(), "y\n".into(), long.clone()], clock::now());
        let texts: Vec<_> = read(folder.path()).into_iter().map(|it| it.1).collect();
        assert_eq!(texts, [long.to_string(), "y\n".to_owned()]);
    }

    #[test]
    fn what_others_move_away_is_made_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = clock::now();
        let mut files = files(folder.path(), 10_000, 5);
        files.write(&lines(0..1), now);
        fs::rename(folder.path().join(NAME), folder.path().join("moved")).expect("moved");
        files.write(&lines(1..2), now + LOOK);
        let texts: Vec<_> = read(folder.path()).into_iter().map(|it| it.1).collect();
        assert_eq!(texts, ["line 00000\n", "line 00001\n"]);
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = clock::now();
        // Every write fails as on a full disk.
        std::os::unix::fs::symlink("/dev/full", folder.path().join(NAME)).expect("a link");
        let mut files = files(folder.path(), 10_000, 5);
        let outcome = files.write(&lines(0..5), now);
        assert_eq!(outcome.lost, 5);
        let kind = outcome.error.map(|error| error.kind());
        assert_eq!(kind, Some(io::ErrorKind::StorageFull));
        let outcome = files.write(&lines(5..7), now + PAUSE / 2);
        assert_eq!(
            (outcome.lost, outcome.error.is_none()),
            (2, true),
            "not tried"
        );
        fs::remove_file(folder.path().join(NAME)).expect("removed");
        let outcome = files.write(&lines(7..8), now + PAUSE);
        assert_eq!((outcome.lost, outcome.error.is_none()), (0, true));
        assert_eq!(read(folder.path())[0].1, "line 00007\n");
    }

    #[test]
    fn only_our_own_old_files_are_known() {
        for (name, number) in [
            ("sightglass.log.12", Some(12)),
            ("sightglass.log", None),
            ("sightglass.log.0", None),
            ("sightglass.log.+1", None),
            ("sightglass.log.1.gz", None),
            ("other.log.1", None),
        ] {
            assert_eq!(number_of(Path::new(name)), number, "{name}");
        }
    }
}
