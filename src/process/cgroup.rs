//! Memory and CPU limits that cgroups set to our process, of version 2 and version 1.
//!
//! Which cgroup we are in is told by `/proc/self/cgroup`, where its folder is by
//! `/proc/self/mountinfo`; limits of the cgroups above it count too, as far as they can be seen.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Longest file that is read, in bytes; mountinfo can be long on hosts of many containers.
const LONGEST: u64 = 4 << 20;
/// A limit from here on is none: version 1 writes the greatest number there is, page-rounded.
const NO_LIMIT: u64 = 1 << 60;

/// What cgroups allow us. `None` where they set no limit, or none can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CgroupLimits {
    /// Memory, in bytes: the least of `memory.max` and `memory.high` up the tree.
    pub memory_bytes: Option<u64>,
    /// CPU, in cores: the least quota up the tree.
    pub cpu_cores: Option<f32>,
}

/// The limits of this process. Reads a few small files.
pub fn cgroup_limits() -> CgroupLimits {
    cgroup_limits_at(Path::new("/"))
}

/// As [`cgroup_limits`], with `/proc` and the cgroup mounts looked up under `root`.
pub fn cgroup_limits_at(root: &Path) -> CgroupLimits {
    let mut limits = CgroupLimits::default();
    for (mount, folders) in ours(root) {
        for folder in folders {
            let found = match &mount.controllers {
                None => limits_v2(&folder),
                Some(controllers) => limits_v1(&folder, controllers),
            };
            limits = limits.least(found);
        }
    }
    limits
}

/// Memory that the cgroup of this process has in use, in bytes, files that are cached for it included. `None` where it
/// is not counted, as at the top of the tree. Reads a few small files.
pub fn cgroup_memory() -> Option<u64> {
    cgroup_memory_at(Path::new("/"))
}

/// As [`cgroup_memory`], with `/proc` and the cgroup mounts looked up under `root`.
pub fn cgroup_memory_at(root: &Path) -> Option<u64> {
    ours(root).iter().find_map(|(mount, folders)| {
        let name = match &mount.controllers {
            None => "memory.current",
            Some(controllers) if controllers.iter().any(|c| c == "memory") => {
                "memory.usage_in_bytes"
            }
            Some(_) => return None,
        };
        parse_bytes(&read(&folders.first()?.join(name))?)
    })
}

/// The mounts that show cgroups of ours, with the folders of these: our own, and those above it.
fn ours(root: &Path) -> Vec<(Mount, Vec<PathBuf>)> {
    let read = |name: &str| read(&root.join(name)).unwrap_or_default();
    let groups = parse_groups(&read("proc/self/cgroup"));
    let mounts = parse_mounts(&read("proc/self/mountinfo")).into_iter();
    let with_folders = mounts.filter_map(|mount| {
        let group = groups.iter().find(|g| match &mount.controllers {
            None => g.controllers.is_empty(),
            Some(mounted) => g.controllers.iter().any(|c| mounted.contains(c)),
        })?;
        let folders = folders(root, &mount, &group.path);
        Some((mount, folders))
    });
    with_folders.collect()
}

impl CgroupLimits {
    fn least(self, other: Self) -> Self {
        Self {
            memory_bytes: least(self.memory_bytes, other.memory_bytes, u64::min),
            cpu_cores: least(self.cpu_cores, other.cpu_cores, f32::min),
        }
    }
}

fn least<T>(a: Option<T>, b: Option<T>, min: fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(min(a, b)),
        (a, b) => a.or(b),
    }
}

/// A line of `/proc/self/cgroup`.
#[derive(Debug, PartialEq)]
struct Group {
    /// Empty for version 2.
    controllers: Vec<String>,
    path: String,
}

/// A cgroup file system.
#[derive(Debug, PartialEq)]
struct Mount {
    /// The cgroup that is seen at the mount point.
    root: String,
    point: String,
    /// `None` for version 2.
    controllers: Option<Vec<String>>,
}

fn parse_groups(text: &str) -> Vec<Group> {
    let line = |line: &str| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let controllers = controllers.split(',').filter(|c| !c.is_empty());
        Some(Group {
            controllers: controllers.map(str::to_owned).collect(),
            path: path.to_owned(),
        })
    };
    text.lines().filter_map(line).collect()
}

/// The cgroup mounts among all; for their form see `proc_pid_mountinfo(5)`.
fn parse_mounts(text: &str) -> Vec<Mount> {
    let line = |line: &str| {
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (mount.next()?, mount.next()?);
        let mut system = system.split(' ');
        let kind = system.next()?;
        let controllers = match kind {
            "cgroup2" => None,
            "cgroup" => Some(system.nth(1)?.split(',').map(str::to_owned).collect()),
            _ => return None,
        };
        Some(Mount {
            root: unescape(root),
            point: unescape(point),
            controllers,
        })
    };
    text.lines().filter_map(line).collect()
}

/// Undoes the octal escapes of blanks and backslashes in mountinfo.
fn unescape(text: &str) -> String {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    let undo = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
    escapes.iter().fold(text.to_owned(), undo)
}

/// The folders of our cgroup and of those above it, up to the mount point.
///
/// A container that keeps its host's cgroup namespace is told its path on the host, of which only
/// the part below the mount's root can be seen; one that has moved out of its namespace's root is
/// told a path with `..`. What cannot be seen is left out.
fn folders(root: &Path, mount: &Mount, path: &str) -> Vec<PathBuf> {
    let below = Path::new(path)
        .strip_prefix(&mount.root)
        .unwrap_or(Path::new(""));
    let point = root.join(mount.point.trim_start_matches('/'));
    let plain = |c: Component<'_>| matches!(c, Component::Normal(_));
    if !below.components().all(plain) {
        return vec![point];
    }
    below.ancestors().map(|part| point.join(part)).collect()
}

fn limits_v2(folder: &Path) -> CgroupLimits {
    let memory = |name| parse_bytes(&read(&folder.join(name))?);
    CgroupLimits {
        memory_bytes: least(memory("memory.max"), memory("memory.high"), u64::min),
        cpu_cores: read(&folder.join("cpu.max")).and_then(|text| parse_cpu_max(&text)),
    }
}

fn limits_v1(folder: &Path, controllers: &[String]) -> CgroupLimits {
    let has = |name: &str| controllers.iter().any(|c| c == name);
    let text = |name| read(&folder.join(name));
    let mut limits = CgroupLimits::default();
    if has("memory") {
        limits.memory_bytes = text("memory.limit_in_bytes").and_then(|t| parse_bytes(&t));
    }
    if has("cpu")
        && let Some(quota) = text("cpu.cfs_quota_us")
        && let Some(period) = text("cpu.cfs_period_us")
    {
        limits.cpu_cores = parse_quota(quota.trim(), period.trim());
    }
    limits
}

/// `max` or a number of bytes.
fn parse_bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|&bytes| bytes < NO_LIMIT)
}

/// `max 100000` or `150000 100000`.
fn parse_cpu_max(text: &str) -> Option<f32> {
    let (quota, period) = text.trim().split_once(' ')?;
    parse_quota(quota, period)
}

/// A quota and its period in microseconds; version 1 writes -1 for no quota.
fn parse_quota(quota: &str, period: &str) -> Option<f32> {
    let quota: u64 = quota.parse().ok()?;
    let period: u64 = period.parse().ok()?;
    (quota > 0 && period > 0).then(|| quota as f32 / period as f32)
}

fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
