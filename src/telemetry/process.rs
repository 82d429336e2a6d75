//! What the kernel says of this process, under the names every exporter uses.
//!
//! Read from `/proc/self` at each print; where there is none, the metrics have no sample.

use std::fs;

use crate::metrics::{Family, Kind, Metric, Samples};

static CPU: Metric = Metric {
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    kind: Kind::Counter,
    labels: &[],
};
static OPEN_FDS: Metric = gauge("process_open_fds", "Number of open file descriptors.");
static MAX_FDS: Metric = gauge("process_max_fds", "Maximum number of open file descriptors.");
static VIRTUAL: Metric = gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
static RESIDENT: Metric = gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
static START: Metric =
    gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
static THREADS: Metric = gauge("process_threads", "Number of OS threads in the process.");

pub(super) static METRICS: [&Metric; 7] =
    [&CPU, &OPEN_FDS, &MAX_FDS, &VIRTUAL, &RESIDENT, &START, &THREADS];

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, kind: Kind::Gauge, labels: &[] }
}

/// Clock ticks a second and bytes a page, which Linux fixes for user space on all our platforms.
const TICKS_PER_SECOND: f64 = 100.0;
const PAGE_BYTES: f64 = 4096.0;

pub(super) fn families() -> Vec<Family> {
    let mut samples = Samples::new();
    // Each figure stands for itself: a hidden file hides one metric, not all.
    let _ = stat(&mut samples);
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // The directory being read is open too and is not counted.
        samples.count(&OPEN_FDS, [], entries.count().saturating_sub(1));
    }
    if let Some(limit) = max_fds() {
        samples.push(&MAX_FDS, [], limit);
    }
    METRICS.iter().map(|metric| Family::of(metric, samples.lines(metric).to_owned())).collect()
}

/// `/proc/self/stat`: the fields are counted from behind the command's name, which may hold spaces.
fn stat(samples: &mut Samples) -> Option<()> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    // proc(5) numbers fields from 1; the state, field 3, is our first.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    samples.push(&CPU, [], (field(14)? + field(15)?) / TICKS_PER_SECOND);
    samples.push(&THREADS, [], field(20)?);
    samples.push(&VIRTUAL, [], field(23)?);
    samples.push(&RESIDENT, [], field(24)? * PAGE_BYTES);
    let system = fs::read_to_string("/proc/stat").ok()?;
    let booted = system.lines().find_map(|line| line.strip_prefix("btime "))?;
    let booted: f64 = booted.trim().parse().ok()?;
    samples.push(&START, [], booted + field(22)? / TICKS_PER_SECOND);
    Some(())
}

fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match soft.split_ascii_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_all_of_it() {
        for family in families() {
            let value = family.lines.rsplit_once(' ').map(|(_, value)| value.trim().parse::<f64>());
            let value = value.unwrap_or_else(|| panic!("{} has no sample", family.name)).unwrap();
            assert!(value >= 0.0 && (family.name == "process_cpu_seconds_total" || value > 0.0));
        }
    }
}
