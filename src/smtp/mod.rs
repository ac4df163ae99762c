//! Message submission (RFC 6409, 5321), stage by stage, up to the point of no return.
