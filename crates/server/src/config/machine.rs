//! What the machine has, or what of it this process may have.

use std::path::{Path, PathBuf};

/// Taken for granted where the system does not say.
const UNKNOWN: u64 = 2 << 30;

/// Bytes of memory that this process may have: what the machine has, or the least of what the cgroups that it is in allow.
pub fn memory() -> u64 {
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let allowed = cgroup_files(&groups, Path::new("/sys/fs/cgroup"))
        .into_iter()
        .filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok())
        .min();
    total.into_iter().chain(allowed).min().unwrap_or(UNKNOWN)
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Where the bounds stand, of the groups in `/proc/self/cgroup` and of those around them: of both versions of cgroups, as
/// either may be there. What is not bounded says `max`, or a number that no machine has.
fn cgroup_files(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (tree, file) = if controllers.is_empty() {
            (root.to_owned(), "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        // In a container the path may be the host's, and the group is then mounted at the top.
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            files.push(tree.join(group).join(file));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_meminfo() {
        assert_eq!(total("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert_eq!(total("MemTotal: many\n"), None);
    }

    #[test]
    fn bounds_of_either_version_of_cgroups_are_found_up_to_the_top() {
        let root = Path::new("/sys/fs/cgroup");
        let at = |files: &[&str]| files.iter().map(|file| root.join(file)).collect::<Vec<_>>();
        assert_eq!(
            cgroup_files("0::/system.slice/hamhame.service\n", root),
            at(&[
                "system.slice/hamhame.service/memory.max",
                "system.slice/memory.max",
                "memory.max"
            ])
        );
        assert_eq!(cgroup_files("0::/\n", root), at(&["memory.max"]));
        assert_eq!(
            cgroup_files("5:cpu,cpuacct:/a\n4:memory:/docker/1f\n1:name=systemd:/x\n", root),
            at(&[
                "memory/docker/1f/memory.limit_in_bytes",
                "memory/docker/memory.limit_in_bytes",
                "memory/memory.limit_in_bytes"
            ])
        );
        assert_eq!(cgroup_files("nonsense", root), at(&[]));
    }
}
