//! What the compiler says to somebody whose handler has the wrong shape.
//!
//! The messages are the compiler's, so they change with it: `TRYBUILD=overwrite cargo test -p everywire --test messages`
//! writes them anew, to be read before they are committed.

#[test]
fn of_handlers_with_the_wrong_shape() {
    trybuild::TestCases::new().compile_fail("tests/messages/*.rs");
}
