//! `mss demo`: short, true, and repeatable by hand.

use crate::bench::Bench;

#[test]
fn the_demo_tells_the_main_job_in_under_twenty_lines_and_again() {
    let bench = Bench::new();
    let first = bench.run(["demo"]);
    first.status(0).stderr_is("").stdout_has("AES-256-GCM").stdout_has("signature verified");
    assert!(first.text().lines().count() < 20, "{first}");
    bench.run(["demo"]).status(0).stderr_is("");
}

#[test]
fn each_command_of_the_demo_runs_as_it_is_shown() {
    let bench = Bench::new();
    let told = bench.run(["demo"]).text();
    let commands: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() >= 5, "{told}");
    for command in commands {
        let outcome = bench.shell(command);
        outcome.status(0).stderr_lacks("error");
        if command.contains(" fetch ") {
            outcome.stdout_has("result.pdf");
        }
    }
}
