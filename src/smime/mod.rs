//! Whole messages sealed and opened (RFC 8551), with their headers protected (RFC 9788).
