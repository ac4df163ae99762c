//! Connections: TCP, STARTTLS, TLS with the configured anchors, and HTTP over them.
