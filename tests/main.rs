//! Every integration test, in one binary: the rules of the house, then the real program.

mod house;
