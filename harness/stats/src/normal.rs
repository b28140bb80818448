//! The normal distribution.

/// The standard normal distribution function, to 1.2e-7 (the Chebyshev fit of `erfcc` in
/// *Numerical Recipes*, section 6.2).
pub(super) fn normal_cdf(z: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + x / 2.0);
    let tail = t * (horner(&FIT, t) - x * x).exp() / 2.0;
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// The standard normal quantile of `p` in (0, 1), to a relative 1.2e-9 (Acklam's rational
/// approximation).
pub(super) fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        2.506_628_277_459_239,
        -30.664_798_066_147_16,
        138.357_751_867_269,
        -275.928_510_446_968_7,
        220.946_098_424_520_5,
        -39.696_830_286_653_76,
    ];
    const B: [f64; 6] = [
        1.0,
        -13.280_681_552_885_72,
        66.801_311_887_719_72,
        -155.698_979_859_886_6,
        161.585_836_858_040_9,
        -54.476_098_798_224_06,
    ];
    const C: [f64; 6] = [
        2.938_163_982_698_783,
        4.374_664_141_464_968,
        -2.549_732_539_343_734,
        -2.400_758_277_161_838,
        -0.322_396_458_041_136_5,
        -0.007_784_894_002_430_293,
    ];
    const D: [f64; 5] = [
        1.0,
        3.754_408_661_907_416,
        2.445_134_137_142_996,
        0.322_467_129_070_039_8,
        0.007_784_695_709_041_462,
    ];
    const TAIL: f64 = 0.02425;
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p < TAIL {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / horner(&D, q)
    } else {
        let q = p - 0.5;
        let r = q * q;
        q * horner(&A, r) / horner(&B, r)
    }
}

/// The polynomial with these coefficients, the constant first.
fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::super::tests::close;
    use super::*;

    // scipy.stats.norm.ppf([...]) and scipy.stats.norm.cdf([...]), SciPy 1.17.1.
    #[test]
    fn normal_matches_scipy() {
        for (p, z) in [
            (0.001, -3.090_232_31),
            (0.025, -1.959_963_98),
            (0.5, 0.0),
            (0.8, 0.841_621_23),
            (0.975, 1.959_963_98),
            (0.9999, 3.719_016_49),
        ] {
            close(normal_quantile(p), z, 1e-8);
        }
        for (z, p) in [
            (-3.0, 0.001_349_90),
            (-1.5, 0.066_807_20),
            (0.0, 0.5),
            (0.5, 0.691_462_46),
            (1.0, 0.841_344_75),
            (2.5, 0.993_790_33),
        ] {
            close(normal_cdf(z), p, 1.3e-7);
        }
    }
}
