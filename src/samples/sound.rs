//! Loudness and peak of a moment of sound.

use ebur128::{EbuR128, Mode};

/// The least loudness and level that is told, for what has none.
const NOTHING: f64 = -120.0;
/// So much is passed over at the start: decoders begin with half of a window, or without the bits of frames before.
const SETTLE_MS: usize = 60;
/// A window of momentary loudness (EBU Tech 3341).
const WINDOW_MS: usize = 400;
/// How often the window is looked at.
const STEP_MS: usize = 200;
/// More channels than any format in use has.
const MOST_CHANNELS: u32 = 16;

/// Figures of about a second of sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoundFigures {
    /// How many channels it has.
    pub channels: u32,
    /// Hz.
    pub sample_rate: u32,
    /// How much was measured, in seconds.
    pub seconds: f64,
    /// Loudness of all of it, LUFS (EBU R128, without gating); -120 for digital silence.
    pub loudness: f64,
    /// The loudest 400 ms, LUFS.
    pub momentary: f64,
    /// The highest sample of any channel, dBFS; -120 for digital silence.
    pub peak: f64,
}

impl SoundFigures {
    /// Mean square of the weighted signal: three looks' mean of it makes a short-term loudness,
    /// `-0.691 + 10 log10(mean)`.
    pub fn energy(&self) -> f64 {
        10_f64.powf((self.loudness + 0.691) / 10.0)
    }
}

/// Measures sound as it comes out of a decoder.
#[derive(Debug)]
pub(crate) struct SoundMeter {
    meter: EbuR128,
    channels: u32,
    rate: u32,
    /// Samples of each channel that came, and that were measured.
    came: usize,
    measured: usize,
    momentary: f64,
    /// Of windows that do not overlap.
    energies: Vec<f64>,
}

impl SoundMeter {
    /// `None` for channels or a rate that no sound has.
    pub(crate) fn new(channels: u32, rate: u32) -> Option<Self> {
        if !(1..=MOST_CHANNELS).contains(&channels) || !(1000..=384_000).contains(&rate) {
            return None;
        }
        let meter = EbuR128::new(channels, rate, Mode::M | Mode::SAMPLE_PEAK).ok()?;
        Some(Self {
            meter,
            channels,
            rate,
            came: 0,
            measured: 0,
            momentary: NOTHING,
            energies: Vec::new(),
        })
    }

    /// Whether it measures such sound.
    pub(crate) fn fits(&self, channels: u32, rate: u32) -> bool {
        (self.channels, self.rate) == (channels, rate)
    }

    /// Takes interleaved samples.
    pub(crate) fn push(&mut self, mut samples: &[f32]) {
        let channels = self.channels as usize;
        let settle = self.samples(SETTLE_MS);
        let skip = settle
            .saturating_sub(self.came)
            .min(samples.len() / channels);
        self.came += samples.len() / channels;
        samples = &samples[skip * channels..];
        let step = self.samples(STEP_MS);
        while samples.len() >= channels {
            let most = (step - self.measured % step) * channels;
            let (now, later) = samples.split_at(most.min(samples.len() / channels * channels));
            samples = later;
            if self.meter.add_frames_f32(now).is_err() {
                return;
            }
            self.measured += now.len() / channels;
            if self.measured.is_multiple_of(step) {
                self.look();
            }
        }
    }

    /// The figures; `None` when less than a window came.
    pub(crate) fn finish(mut self) -> Option<SoundFigures> {
        if self.measured < self.samples(WINDOW_MS) {
            return None;
        }
        if self.energies.is_empty() {
            self.look();
        }
        let mean = self.energies.iter().sum::<f64>() / self.energies.len().max(1) as f64;
        let peaks = (0..self.channels).filter_map(|channel| self.meter.sample_peak(channel).ok());
        let peak = peaks.fold(0.0, f64::max);
        Some(SoundFigures {
            channels: self.channels,
            sample_rate: self.rate,
            seconds: self.measured as f64 / f64::from(self.rate),
            loudness: told(-0.691 + 10.0 * mean.log10()),
            momentary: self.momentary,
            peak: told(20.0 * peak.log10()),
        })
    }

    fn look(&mut self) {
        let window = self.samples(WINDOW_MS);
        if self.measured < window {
            return;
        }
        let Ok(loudness) = self.meter.loudness_momentary() else {
            return;
        };
        self.momentary = self.momentary.max(told(loudness));
        if self.measured.is_multiple_of(window) {
            self.energies.push(10_f64.powf((loudness + 0.691) / 10.0));
        }
    }

    fn samples(&self, ms: usize) -> usize {
        // Rates are no less than 1,000.
        self.rate as usize / 1000 * ms
    }
}

fn told(decibels: f64) -> f64 {
    if decibels.is_finite() {
        decibels.max(NOTHING)
    } else {
        NOTHING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(level: f64, channels: u32, seconds: f64) -> Vec<f32> {
        let amplitude = 10_f64.powf(level / 20.0);
        let count = (48_000.0 * seconds) as usize;
        (0..count)
            .flat_map(|n| {
                let value = amplitude * (n as f64 * 997.0 * std::f64::consts::TAU / 48_000.0).sin();
                std::iter::repeat_n(value as f32, channels as usize)
            })
            .collect()
    }

    fn measure(samples: &[f32], channels: u32) -> Option<SoundFigures> {
        let mut meter = SoundMeter::new(channels, 48_000).unwrap();
        for part in samples.chunks(1024 * channels as usize) {
            meter.push(part);
        }
        meter.finish()
    }

    /// EBU Tech 3341, test case 1: a stereo sine of -23 dBFS has -23 LUFS.
    #[test]
    fn the_reference_tone() {
        let figures = measure(&tone(-23.0, 2, 1.1), 2).unwrap();
        assert!((figures.loudness + 23.0).abs() < 0.1, "{figures:?}");
        assert!((figures.momentary + 23.0).abs() < 0.1, "{figures:?}");
        assert!((figures.peak + 23.0).abs() < 0.1, "{figures:?}");
        assert!((-0.691 + 10.0 * figures.energy().log10() - figures.loudness).abs() < 1e-9);
        // One channel has half of the energy.
        let figures = measure(&tone(-23.0, 1, 1.1), 1).unwrap();
        assert!((figures.loudness + 26.0).abs() < 0.1, "{figures:?}");
    }

    #[test]
    fn silence_and_too_little() {
        let figures = measure(&vec![0.0; 96_000], 2).unwrap();
        assert_eq!(
            (figures.loudness, figures.momentary, figures.peak),
            (-120.0, -120.0, -120.0)
        );
        assert_eq!(measure(&tone(-20.0, 2, 0.3), 2), None);
        assert!(SoundMeter::new(0, 48_000).is_none() && SoundMeter::new(2, 0).is_none());
        let broken = measure(&vec![f32::NAN; 96_000], 2);
        assert!(broken.is_none_or(|figures| figures.loudness >= -120.0));
    }
}
