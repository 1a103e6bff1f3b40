// SPDX-License-Identifier: BSD-3-Clause
/// 12: regression on a table. A row is a window of one sample, its columns are channels; early stopping and R².
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <string>
#include <vector>

#include "smldist/data/normaliser.hpp"
#include "smldist/io/file.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;

namespace {

/// Two hidden layers. What is trained by train::training returns outputs; a regression reads only the logits.
struct table_network {
    nn::linear<float> first, second, last;

    table_network(std::size_t columns, std::size_t width, generator g)
        : first(columns, width, g), second(width, width, g), last(width, 1, g) {}

    template <class X> outputs<X> operator()(const X& x, mode = mode::eval) const {
        outputs<X> out;
        out.feature = op::silu(second(op::silu(first(op::flatten(x)))));
        out.logits = last(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("first", self.first);
        member("second", self.second);
        member("last", self.last);
    }
};

/// Friedman's first problem (1991): ten columns, of which five count, in units that differ by up to four powers of ten.
///
///     y = 10 sin(π u0 u1) + 20 (u2 - 1/2)² + 10 u3 + 5 u4 + N(0, 1),   u_c uniform in [0, 1]
data::windows friedman(std::size_t rows, generator g) {
    const std::size_t columns = 10;
    data::windows table;
    table.x = tensor<float>(shape{rows, 1, columns});
    table.target = tensor<float>(shape{rows, 1});
    table.subject.assign(rows, 0);
    table.info.labels = {"y"};
    for (std::size_t r = 0; r < rows; ++r) {
        double u[columns];
        for (std::size_t c = 0; c < columns; ++c) {
            u[c] = g.uniform();
            table.x(r, 0, c) = float(100 + std::pow(10.0, double(c % 5)) * u[c]);
        }
        table.target(r, 0) = float(10 * std::sin(std::numbers::pi * u[0] * u[1]) + 20 * (u[2] - 0.5) * (u[2] - 0.5) +
                                   10 * u[3] + 5 * u[4] + g.normal());
    }
    return table;
}

/// Writes a plot of predicted against true values: a dot per row, and the line on which perfect predictions lie.
void plot(const char* path, const tensor<float>& truth, const tensor<float>& predicted, double r2) {
    const auto [t0, t1] = std::minmax_element(truth.begin(), truth.end());
    const auto [p0, p1] = std::minmax_element(predicted.begin(), predicted.end());
    const double low = std::floor(double(std::min(*t0, *p0))), high = std::ceil(double(std::max(*t1, *p1)));
    const double side = 400, margin = 50;
    const auto place = [&](float v) { return side * (double(v) - low) / (high - low); };
    std::string svg = R"(<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500" font-family="sans-serif">)";
    const auto add = [&](const char* format, auto... values) {
        char line[200];
        std::snprintf(line, sizeof line, format, values...);
        svg += line;
    };
    add("<rect width='500' height='500' fill='white'/>"
        "<rect x='%g' y='%g' width='%g' height='%g' fill='none' stroke='black'/>\n",
        margin, margin, side, side);
    add("<text x='250' y='35' text-anchor='middle'>Friedman 1, R² = %.3f</text>\n", r2);
    svg += "<text x='250' y='485' text-anchor='middle'>true</text>"
           "<text transform='translate(20 250) rotate(-90)' text-anchor='middle'>predicted</text>\n";
    add("<text x='%g' y='468'>%g</text><text x='%g' y='468' text-anchor='end'>%g</text>\n", margin, low,
        margin + side, high);
    add("<text x='46' y='%g' text-anchor='end'>%g</text><text x='46' y='%g' text-anchor='end'>%g</text>\n",
        margin + side, low, margin + 10, high);
    add("<line x1='%g' y1='%g' x2='%g' y2='%g' stroke='black'/>\n", margin, margin + side, margin + side, margin);
    for (std::size_t i = 0; i < truth.size(); ++i)
        add("<circle cx='%.1f' cy='%.1f' r='2.5' fill='steelblue' fill-opacity='0.6'/>\n", margin + place(truth[i]),
            margin + side - place(predicted[i]));
    io::write_file_atomically(path, svg + "</svg>\n");
}

} // namespace

int main() {
    const auto train = friedman(3000, generator(1)), validation = friedman(300, generator(2)),
               test = friedman(500, generator(3));
    // Each column to mean 0 and standard deviation 1, by those of the training rows.
    const normaliser normal = data::fit_normaliser(train, normaliser_kind::zscore);

    table_network net(train.channels(), 32, generator(4));
    train::regression squared_error;
    train::training training(net, squared_error, train, validation, normal,
                             {.epochs = 150,
                              .lr = 1e-2,
                              .patience = 20, // epochs without a better R² on the validation rows
                              .augment = data::augment_options::none(),
                              .metric = train::r2_score()});
    const auto result = training.run();
    std::printf("stopped after epoch %zu of 150; the best was %zu\n", result.history.size(), result.best_epoch);

    // result.best is the network of the best epoch; net is the one after the last.
    const tensor<float> predicted = train::logits(result.best, test, normal);
    const double r2 = metric::r2_score(test.target, predicted);
    std::printf("on %zu new rows: R² %.3f, mean absolute error %.2f; the noise has 0.80\n", test.size(), r2,
                metric::mean_absolute_error(test.target, predicted));
    plot("tabular_regression.svg", test.target, predicted, r2);
    std::printf("plot: tabular_regression.svg\n");
    return r2 > 0.9 ? 0 : 1;
}
