//! Pulls a file of the operator's media folder, over and over. The pump paces it by its clock.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::SNIFF;
use super::detect::{self, Container};
use super::error::{Cause, IngestError, Stage};
use super::sink::{Gone, Sink};
use crate::base::clock;
use crate::remux::{self, InputOptions, Need, Output, Remux};
use crate::stream::Source;

/// Read at a time.
const READ: usize = 256 << 10;
/// Times that the reader of a file may ask for another place of it: the index, and back to the media.
const SEEKS: u32 = 8;
/// A pass through a file takes at least this long, so that a tiny one does not spin.
const PASS: Duration = Duration::from_millis(250);

/// Pulls the file of `source`, which must lie in `folder`, into `sink`, from its beginning each time that it ends.
///
/// # Errors
/// With the stage it reached and the cause. `Ok` means that nobody takes its bytes any more.
pub async fn pull(folder: Option<&Path>, source: &Source, sink: &Sink) -> Result<(), IngestError> {
    let folder = folder.ok_or_else(|| {
        denied(
            "files are turned off; the operator can name a folder for them with SOURCE_MEDIA_DIR",
        )
    })?;
    let path = source.url.as_url().to_file_path();
    let path = path.map_err(|()| missing("the file has no path on this server"))?;
    loop {
        let began = clock::now();
        let mut file = Reading::open(folder.to_owned(), path.clone()).await?;
        sink.reached(Stage::Request);
        if let Err(Gone) = file.deliver(sink).await? {
            return Ok(());
        }
        if sink.discontinuity().await.is_err() {
            return Ok(());
        }
        tokio::time::sleep_until((began + PASS).into()).await;
    }
}

/// How a file becomes a transport stream.
enum Way {
    /// It is one.
    Plain,
    Remux(Box<Remux>),
}

impl Way {
    /// What the first bytes ask for, and the name of the container.
    fn of(start: &[u8]) -> Result<(&'static str, Self), IngestError> {
        let failed = |cause, text: &str| Err(IngestError::new(Stage::FirstByte, cause, text));
        let (name, container) = match detect::container("", "", &start[..start.len().min(SNIFF)]) {
            Container::Ts => return Ok(("mpeg-ts", Self::Plain)),
            Container::Mp4 => ("mp4", remux::Container::Mp4),
            Container::Flv => ("flv", remux::Container::Flv),
            Container::Adts => ("adts", remux::Container::PackedAudio),
            Container::Mp3 => ("mp3", remux::Container::PackedAudio),
            Container::NotMedia(what) => {
                let text = format!("the file holds {what}, which is no media");
                return failed(Cause::NotMedia, &text);
            }
            _ => {
                let text = "the file is neither MPEG-TS, MP4, FLV, AAC nor MP3";
                return failed(Cause::Unsupported, text);
            }
        };
        let inputs = vec![InputOptions::new(container)];
        let remux = Remux::new(inputs, remux::Limits::default());
        Ok((name, Self::Remux(Box::new(remux))))
    }
}

/// An open file, read in pieces off the runtime.
struct Reading {
    file: Option<File>,
    /// Where to read on, if that is elsewhere.
    from: Option<u64>,
}

impl Reading {
    async fn open(folder: PathBuf, path: PathBuf) -> Result<Self, IngestError> {
        let file = off_runtime(move || open(&folder, &path)).await??;
        Ok(Self {
            file: Some(file),
            from: None,
        })
    }

    /// One pass. What is read ahead is bounded by the sink.
    async fn deliver(&mut self, sink: &Sink) -> Result<Result<(), Gone>, IngestError> {
        let start = self.next().await?;
        let (container, way) = Way::of(&start)?;
        sink.reached(Stage::FirstByte);
        sink.note(|found| {
            found.container = Some(container);
            found.live = Some(false);
        });
        match way {
            Way::Plain => self.plain(start, sink).await,
            Way::Remux(remux) => self.remuxed(start, *remux, sink).await,
        }
    }

    async fn plain(&mut self, start: Bytes, sink: &Sink) -> Result<Result<(), Gone>, IngestError> {
        let mut piece = start;
        while !piece.is_empty() {
            if let Err(Gone) = sink.data(piece).await {
                return Ok(Err(Gone));
            }
            piece = self.next().await?;
        }
        Ok(Ok(()))
    }

    async fn remuxed(
        &mut self,
        start: Bytes,
        mut remux: Remux,
        sink: &Sink,
    ) -> Result<Result<(), Gone>, IngestError> {
        let (mut piece, mut out, mut seeks) = (start, Vec::new(), 0);
        loop {
            let mut ended = piece.is_empty();
            remux.push(0, &piece, &mut out)?;
            match remux.need(0) {
                Need::Next => {}
                Need::From(offset) if seeks < SEEKS => {
                    seeks += 1;
                    remux.seek(0, offset);
                    self.from = Some(offset);
                    ended = false;
                }
                Need::From(_) | Need::Done => ended = true,
            }
            if ended {
                remux.finish(&mut out);
            }
            if let Err(Gone) = hand_over(&mut out, sink).await {
                return Ok(Err(Gone));
            }
            if ended {
                return Ok(Ok(()));
            }
            piece = self.next().await?;
        }
    }

    /// The next bytes; none at the end.
    async fn next(&mut self) -> Result<Bytes, IngestError> {
        let Some(mut file) = self.file.take() else {
            return Ok(Bytes::new());
        };
        let from = self.from.take();
        let (file, read) = off_runtime(move || {
            let read = read(&mut file, from);
            (file, read)
        })
        .await?;
        self.file = Some(file);
        read.map_err(|_| {
            IngestError::new(Stage::Flow, Cause::Unreachable, "the file cannot be read")
        })
    }
}

fn read(file: &mut File, from: Option<u64>) -> io::Result<Bytes> {
    if let Some(from) = from {
        file.seek(SeekFrom::Start(from))?;
    }
    let mut bytes = Vec::with_capacity(READ);
    file.take(READ as u64).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

async fn hand_over(out: &mut Vec<Output>, sink: &Sink) -> Result<(), Gone> {
    for output in out.drain(..) {
        match output {
            Output::Data(bytes) => sink.data(bytes).await?,
            Output::Discontinuity => sink.discontinuity().await?,
            Output::Notice(notice) => tracing::debug!(?notice, "remultiplexing a file"),
        }
    }
    Ok(())
}

async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IngestError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        IngestError::new(
            Stage::Flow,
            Cause::Internal,
            "reading the file was broken off",
        )
    })
}

/// Opens a regular file below `folder`. Neither `..` nor a symbolic link leads out of it, not even one that is made
/// while this runs: the kernel resolves the path beneath the folder.
fn open(folder: &Path, path: &Path) -> Result<File, IngestError> {
    let unreadable = |_| missing("the folder of SOURCE_MEDIA_DIR cannot be opened");
    let absolute = std::path::absolute(folder).map_err(unreadable)?;
    let root = File::open(&absolute).map_err(unreadable)?;
    let below = path.strip_prefix(&absolute).ok();
    let below = match below {
        Some(below) => below,
        // The operator may have named it by way of a link.
        None => path
            .strip_prefix(absolute.canonicalize().map_err(unreadable)?)
            .map_err(|_| denied(OUTSIDE))?,
    };
    let file = beneath(&root, &absolute, below).map_err(|error| of_open(&error))?;
    // A pipe would block, and a device is anything.
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        _ => Err(missing("it is no regular file")),
    }
}

const OUTSIDE: &str = "the file is not in the folder of SOURCE_MEDIA_DIR";

fn beneath(root: &File, folder: &Path, below: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match openat2(root, below, flags, Mode::empty(), resolve) {
        Ok(file) => Ok(file.into()),
        // Linux before 5.6, or a container that does not know it.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => checked(folder, below, flags),
        Err(error) => Err(error.into()),
    }
}

/// The second best: where the path leads is looked up, checked and opened, three steps between which a link could
/// change.
fn checked(folder: &Path, below: &Path, flags: OFlags) -> io::Result<File> {
    let folder = folder.canonicalize()?;
    let path = folder.join(below).canonicalize()?;
    if !path.starts_with(&folder) {
        return Err(rustix::io::Errno::XDEV.into());
    }
    let file = rustix::fs::open(path, flags | OFlags::NOFOLLOW, Mode::empty())?;
    Ok(file.into())
}

fn of_open(error: &io::Error) -> IngestError {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::XDEV | Errno::LOOP) => denied(OUTSIDE),
        Some(Errno::ACCESS) => {
            let text = "the file may not be read by this server";
            IngestError::new(Stage::Request, Cause::Auth, text)
        }
        Some(Errno::NOENT | Errno::NOTDIR) => missing("there is no such file"),
        _ => missing("the file cannot be opened"),
    }
}

fn denied(text: &str) -> IngestError {
    IngestError::new(Stage::Policy, Cause::Policy, text)
}

fn missing(text: &str) -> IngestError {
    IngestError::new(Stage::Request, Cause::NotFound, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn cause(folder: &Path, path: &Path) -> Option<Cause> {
        open(folder, path).err().map(|error| error.cause)
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let all = tempfile::tempdir().expect("a folder");
        let (folder, outside) = (all.path().join("media"), all.path().join("secret"));
        std::fs::create_dir_all(folder.join("sub")).expect("a folder");
        std::fs::write(&outside, "secret").expect("a file");
        std::fs::write(folder.join("sub/a.ts"), "media").expect("a file");
        symlink("sub/a.ts", folder.join("inside")).expect("a link");
        symlink(&outside, folder.join("out")).expect("a link");
        symlink("../../secret", folder.join("sub/up")).expect("a link");
        symlink("..", folder.join("sub/parent")).expect("a link");
        symlink(&folder, all.path().join("by-link")).expect("a link");
        symlink("/proc/self/root", folder.join("magic")).expect("a link");
        let at = |name: &str| cause(&folder, &folder.join(name));
        for good in ["sub/a.ts", "inside", "sub/parent/sub/a.ts"] {
            assert_eq!(at(good), None, "{good}");
        }
        for bad in ["out", "sub/up", "../secret", "magic/etc/passwd"] {
            assert_eq!(at(bad), Some(Cause::Policy), "{bad}");
        }
        assert_eq!(cause(&folder, &outside), Some(Cause::Policy));
        assert_eq!(
            cause(&folder, Path::new("/etc/passwd")),
            Some(Cause::Policy)
        );
        assert_eq!(at("sub"), Some(Cause::NotFound), "a folder");
        assert_eq!(at("none.ts"), Some(Cause::NotFound));
        // The folder may be named by way of a link, the file by its real path.
        let by_link = all.path().join("by-link");
        assert_eq!(cause(&by_link, &folder.join("sub/a.ts")), None);
        assert_eq!(cause(&by_link, &by_link.join("sub/a.ts")), None);
        // The second best does as well.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        assert!(checked(&folder, Path::new("inside"), flags).is_ok());
        for bad in ["out", "sub/up", "../secret", "magic/etc/passwd"] {
            assert!(checked(&folder, Path::new(bad), flags).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pipe_is_no_file_and_does_not_block() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path().join("pipe.ts"))
            .status();
        assert!(made.is_ok_and(|status| status.success()));
        let path = folder.path().join("pipe.ts");
        assert_eq!(cause(folder.path(), &path), Some(Cause::NotFound));
    }
}
