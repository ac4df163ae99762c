//! The door to the street: hands the words in, gives the exit status back.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(mss::cli::run(std::env::args_os(), &mss::cli::Environment::of_process()))
}
