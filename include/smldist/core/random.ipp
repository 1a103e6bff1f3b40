// SPDX-License-Identifier: BSD-3-Clause
/// The functions of core/random.hpp, which includes this file; see SMLDIST_BASE_BODIES.
#include <cmath>

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

double portable_log(double x) {
    int e = 0;
    double m = std::frexp(x, &e);
    if (m < 0.70710678118654752) {
        m *= 2;
        --e;
    }
    const double r = (m - 1) / (m + 1), s = r * r;
    double p = 1.0 / 19;
    for (int k = 17; k >= 1; k -= 2) p = std::fma(p, s, 1.0 / k);
    return std::fma(double(e), 0.69314718055994531, 2 * r * p);
}

double portable_exp(double x) {
    if (x < -700) return 0;
    if (x > 700) return HUGE_VAL;
    const double k = std::floor(std::fma(x, 1.4426950408889634, 0.5));
    const double r = std::fma(-k, 1.9082149292705877e-10, std::fma(-k, 0.69314718036912382, x));
    double p = 1;
    for (int n = 13; n >= 1; --n) p = std::fma(p, r / n, 1.0);
    return std::ldexp(p, static_cast<int>(k));
}

double normal_quantile(double p) {
    const auto ratio = [](const double(&a)[8], const double(&b)[8], double r) {
        double n = a[7], d = b[7];
        for (int i = 6; i >= 0; --i) {
            n = std::fma(n, r, a[i]);
            d = std::fma(d, r, b[i]);
        }
        return n / d;
    };
    static constexpr double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                    1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                    3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static constexpr double b[8] = {1.0,
                                    4.2313330701600911252e+1,
                                    6.8718700749205790830e+2,
                                    5.3941960214247511077e+3,
                                    2.1213794301586595867e+4,
                                    3.9307895800092710610e+4,
                                    2.8729085735721942674e+4,
                                    5.2264952788528545610e+3};
    static constexpr double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                    3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                    2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static constexpr double d[8] = {1.0,
                                    2.05319162663775882187e0,
                                    1.67638483018380384940e0,
                                    6.89767334985100004550e-1,
                                    1.48103976427480074590e-1,
                                    1.51986665636164571966e-2,
                                    5.47593808499534494600e-4,
                                    1.05075007164441684324e-9};
    static constexpr double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                    2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                    2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static constexpr double f[8] = {1.0,
                                    5.99832206555887937690e-1,
                                    1.36929880922735805310e-1,
                                    1.48753612908506148525e-2,
                                    7.86869131145613259100e-4,
                                    1.84631831751005468180e-5,
                                    1.42151175831644588870e-7,
                                    2.04426310338993978564e-15};
    const double q = p - 0.5;
    if (std::abs(q) <= 0.425) return q * ratio(a, b, std::fma(-q, q, 0.180625));
    const double r = std::sqrt(-portable_log(q < 0 ? p : 1 - p));
    const double x = r <= 5 ? ratio(c, d, r - 1.6) : ratio(e, f, r - 5);
    return q < 0 ? -x : x;
}

} // namespace detail

double generator::log_gamma_variable(double a) {
    const double d = a + 2.0 / 3, c = 1 / std::sqrt(9 * d);
    for (;;) {
        const double x = normal(), u = uniform(), t = std::fma(c, x, 1.0);
        if (t <= 0) continue;
        const double log_t = detail::portable_log(t);
        const double slack = std::fma(3.0, log_t, std::fma(-(t * t), t, 1.0)); // 1 - v + ln v, v = t³
        if (detail::portable_log(u) < std::fma(0.5 * x, x, d * slack))
            return std::fma(3.0, log_t, detail::portable_log(d)) + detail::portable_log(uniform()) / a;
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist
