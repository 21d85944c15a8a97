//! What an operator defines: a stream, its sources and options. Pure.
