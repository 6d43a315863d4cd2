//! A pure WebSocket codec (RFC 6455, 7692, 8441), with an optional tokio stream.
