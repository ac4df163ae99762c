//! The door to the street: hands the arguments in, gives the exit status back.

fn main() {}
