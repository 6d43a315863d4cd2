//! Carriers: how bytes travel. hyper and tokio live here.
//!
//! | to find | look in |
//! |---|---|
//! | which request goes where, and what is refused | [`service`], [`guard`], [`request`] |
//! | WebSocket | [`websocket`] (opening), [`socket`] (the life of one), [`beside`], [`ending`] |
//! | Server-Sent Events and long polling | [`response`] |
//! | Socket.IO: requests | [`engine`] |
//! | SignalR: requests | [`hubs`] |
//! | sessions over several requests, and WebSockets that join them | [`hosting`], [`host`], [`answering`], [`ways`], [`probe`] |
//! | bodies of requests; of responses, compressed | [`upload`], [`coding`] |
//! | publishing by plain POST | [`post`] |
//! | response bodies, and bodies of requests that nobody reads | [`body`], [`pieces`], [`watched`], [`unread`] |
//! | waits that hyper does not bound, answers that it would not begin, chunks that it does not write | [`timed`], [`eager`], [`line`] |
//! | messages into frames, forms | [`frames`], [`form`] |

mod answering;
mod beside;
pub(crate) mod body;
mod coding;
pub(crate) mod eager;
mod ending;
mod engine;
pub(crate) mod form;
pub(crate) mod frames;
pub(crate) mod guard;
mod host;
mod hosting;
mod hubs;
pub(crate) mod line;
pub(crate) mod pieces;
pub(crate) mod post;
mod probe;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod service;
pub(crate) mod socket;
mod sockjs;
pub(crate) mod timed;
pub(crate) mod transport;
mod unread;
pub(crate) mod upload;
pub(crate) mod watched;
mod ways;
pub(crate) mod websocket;
