//! Examples live beside this file, one folder entry each.
