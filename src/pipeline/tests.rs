//! Whole pipelines on TS that a GStreamer pipeline makes.
