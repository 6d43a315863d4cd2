//! Carriers: how bytes travel. hyper and tokio live here.
//!
//! | to find | look in |
//! |---|---|
//! | which request goes where, and what is refused | [`service`], [`guard`], [`request`] |
//! | WebSocket | [`websocket`] (opening), [`socket`] (the life of one), [`ending`] |
//! | Server-Sent Events and long polling | [`response`] |
//! | publishing by plain POST | [`post`] |
//! | response bodies | [`body`], [`pieces`] |
//! | waits that hyper does not bound | [`timed`] |
//! | messages into frames, forms | [`frames`], [`form`] |

pub(crate) mod body;
mod ending;
pub(crate) mod form;
pub(crate) mod frames;
pub(crate) mod guard;
pub(crate) mod pieces;
pub(crate) mod post;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod service;
pub(crate) mod socket;
pub(crate) mod timed;
pub(crate) mod transport;
pub(crate) mod websocket;
