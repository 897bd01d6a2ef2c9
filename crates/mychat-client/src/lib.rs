//! A MyChat client library and the console program mychat.
