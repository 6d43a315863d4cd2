//! Everywire's sessions and protocols as pure state machines.
//!
//! A **session** keeps one client's conversation alive over one or more carriers; a **protocol** says what a
//! message means. They are two axes: a row of the mount table joins one of each, and the [`seam`] between
//! them is two closed enums. Neither has a runtime, a clock, a lock or a random source: inputs and the
//! current time go in, outputs are pushed into a list that the caller owns, and `deadline` says when the
//! machine wants a tick.
//!
//! | to find | look in |
//! |---|---|
//! | what sessions and protocols say to each other and to the driver | [`seam`] |
//! | the machines that keep a conversation alive | [`session`] |
//! | the machines that know what a message means | [`protocol`] |

pub mod protocol;
pub mod seam;
pub mod session;
