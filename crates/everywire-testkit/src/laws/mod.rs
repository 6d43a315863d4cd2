//! What every implementation of a trait has to keep, as functions that anybody can call.
