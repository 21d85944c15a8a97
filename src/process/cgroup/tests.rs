//! Tests of the cgroup limits, over folders that look like a system's.

use super::*;
use proptest::prelude::*;

const MIB: u64 = 1 << 20;
const V2_MOUNTS: &str = "22 1 0:20 / /proc rw - proc proc rw\n\
    30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

/// A folder with these files.
fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn limits(files: &[(&str, &str)]) -> (Option<u64>, Option<f32>) {
    let folder = system(files);
    let found = cgroup_limits_at(folder.path());
    (found.memory_bytes.map(|b| b / MIB), found.cpu_cores)
}

#[test]
fn version_2_takes_the_least_up_the_tree() {
    let mib = |n: u64| format!("{}\n", n * MIB);
    let of = |high: &str, parent: &str| {
        limits(&[
            ("proc/self/cgroup", "0::/system.slice/sightglass.service\n"),
            ("proc/self/mountinfo", V2_MOUNTS),
            (
                "sys/fs/cgroup/system.slice/sightglass.service/memory.max",
                &mib(600),
            ),
            (
                "sys/fs/cgroup/system.slice/sightglass.service/memory.high",
                high,
            ),
            (
                "sys/fs/cgroup/system.slice/sightglass.service/cpu.max",
                "max 100000\n",
            ),
            ("sys/fs/cgroup/system.slice/memory.max", parent),
            ("sys/fs/cgroup/system.slice/memory.high", "max\n"),
            ("sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n"),
        ])
    };
    assert_eq!(of("max\n", "max\n"), (Some(600), Some(1.5)));
    assert_eq!(of(&mib(500), "max\n"), (Some(500), Some(1.5)));
    assert_eq!(of(&mib(500), &mib(400)), (Some(400), Some(1.5)));
}

#[test]
fn memory_in_use_is_that_of_our_own_group() {
    let of = |files: &[(&str, &str)]| cgroup_memory_at(system(files).path());
    let v2 = [
        ("proc/self/cgroup", "0::/a/b\n"),
        ("proc/self/mountinfo", V2_MOUNTS),
        ("sys/fs/cgroup/a/b/memory.current", "5000\n"),
        ("sys/fs/cgroup/a/memory.current", "9000\n"),
    ];
    assert_eq!(of(&v2), Some(5_000));
    assert_eq!(of(&v2[..2]), None);
    let v1 = "31 1 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
        32 1 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    let v1 = [
        ("proc/self/cgroup", "4:cpu,cpuacct:/a\n3:memory:/a\n"),
        ("proc/self/mountinfo", v1),
        ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "7000\n"),
    ];
    assert_eq!(of(&v1), Some(7_000));
}

#[test]
fn a_container_with_its_own_namespace_is_at_the_mount_point() {
    let of = |path: &str| {
        limits(&[
            ("proc/self/cgroup", path),
            ("proc/self/mountinfo", V2_MOUNTS),
            ("sys/fs/cgroup/memory.max", "268435456\n"),
            ("sys/fs/cgroup/cpu.max", "50000 100000\n"),
        ])
    };
    assert_eq!(of("0::/\n"), (Some(256), Some(0.5)));
    assert_eq!(of("0::/../other\n"), (Some(256), Some(0.5)), "moved out");
    assert_eq!(of("0::/gone/below\n"), (Some(256), Some(0.5)));
}

#[test]
fn version_1_reads_each_controller_at_its_own_mount() {
    let groups = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n0::/\n";
    // The host's namespace: the mount shows the container's own cgroup only.
    let mounts = "31 1 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n\
        32 1 0:29 /docker/abc /sys/fs/cgroup/cpu\\040acct ro master:9 - cgroup cgroup rw,cpu,cpuacct\n\
        33 1 0:30 / /sys/fs/cgroup/systemd ro - cgroup cgroup rw,name=systemd\n\
        34 1 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    let of = |memory: &str, quota: &str| {
        limits(&[
            ("proc/self/cgroup", groups),
            ("proc/self/mountinfo", mounts),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", memory),
            ("sys/fs/cgroup/cpu acct/cpu.cfs_quota_us", quota),
            ("sys/fs/cgroup/cpu acct/cpu.cfs_period_us", "100000\n"),
        ])
    };
    assert_eq!(of("536870912\n", "200000\n"), (Some(512), Some(2.0)));
    assert_eq!(of("9223372036854771712\n", "-1\n"), (None, None));
    assert_eq!(of("9223372036854710272\n", "0\n"), (None, None));
}

#[test]
fn version_1_counts_the_groups_above() {
    let found = limits(&[
        ("proc/self/cgroup", "5:memory:/a/b\n"),
        (
            "proc/self/mountinfo",
            "31 1 0:28 / /cg/memory rw - cgroup none rw,memory\n",
        ),
        ("cg/memory/memory.limit_in_bytes", "9223372036854771712"),
        ("cg/memory/a/memory.limit_in_bytes", "104857600"),
        ("cg/memory/a/b/memory.limit_in_bytes", "209715200"),
    ]);
    assert_eq!(found, (Some(100), None));
}

#[test]
fn nothing_there_is_no_limit() {
    assert_eq!(limits(&[]), (None, None));
    let found = limits(&[
        ("proc/self/cgroup", "0::/\n"),
        ("proc/self/mountinfo", V2_MOUNTS),
        ("sys/fs/cgroup/memory.max", "nonsense"),
        ("sys/fs/cgroup/cpu.max", "1 0"),
    ]);
    assert_eq!(found, (None, None));
    // The machine at hand: whatever it says, it is sensible.
    let here = cgroup_limits();
    assert!(here.memory_bytes.is_none_or(|b| b > MIB));
    assert!(here.cpu_cores.is_none_or(|c| c > 0.0));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(
        groups in "([0-9]?:[a-z,=]{0,9}:[/.a-z]{0,12}\n|.{0,30}\n){0,6}",
        mounts in "([0-9 ]{5}[/a-z]{1,5} [/a-z\\\\0]{1,5} rw - cgroup2? x [a-z,]{1,8}\n|.{0,40}\n){0,6}",
        file in ".{0,30}",
    ) {
        let point = Path::new("/nowhere");
        for mount in parse_mounts(&mounts) {
            for group in parse_groups(&groups) {
                for folder in folders(point, &mount, &group.path) {
                    // Never out of the place where cgroups are mounted.
                    prop_assert!(folder.starts_with(point));
                }
            }
        }
        let cores = parse_cpu_max(&file);
        prop_assert!(cores.is_none_or(|c| c > 0.0 && c.is_finite()));
        prop_assert!(parse_bytes(&file).is_none_or(|b| b < NO_LIMIT));
    }
}
