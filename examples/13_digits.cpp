// SPDX-License-Identifier: BSD-3-Clause
/// 13: images. A small convolutional network reads digits that the program draws: turned, shifted, scaled, with noise.
#include <cmath>
#include <cstdio>
#include <string_view>

#include "smldist/nn/conv2d.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/pool2d.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/train/fit.hpp"

using namespace smldist;

namespace {

constexpr std::size_t side = 16; // pixels

/// Two convolutions, each followed by a maximum over 2 × 2 pixels, and a linear map.
struct digit_network {
    nn::conv2d<float> first, second;
    nn::linear<float> last;

    explicit digit_network(generator g)
        : first(1, 8, 3, g, {.padding = 1}), second(8, 16, 3, g, {.padding = 1}), last(4 * 4 * 16, 10, g) {}

    /// x (B, 16, 16): a grey image is a window of 16 samples, its rows, with 16 channels.
    template <class X> outputs<X> operator()(const X& x, mode = mode::eval) const {
        outputs<X> out;
        const X image = op::reshape(x, {x.shape()[0], side, side, 1}); // (B, H, W, C)
        const X half = op::max_pool2d(op::relu(first(image)));
        out.feature = op::flatten(op::max_pool2d(op::relu(second(half))));
        out.logits = last(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("first", self.first);
        member("second", self.second);
        member("last", self.last);
    }
};

constexpr std::string_view glyphs[10] = {
    ".###.#...##..###.#.###..##...#.###.", "..#...##....#....#....#....#...###.",
    ".###.#...#....#...#...#...#...#####", "#####...#...#.....#.....##...#.###.",
    "...#...##..#.#.#..#.#####...#....#.", "######....####.....#....##...#.###.",
    "..##..#...#....####.#...##...#.###.", "#####....#...#...#...#....#....#...",
    ".###.#...##...#.###.#...##...#.###.", ".###.#...##...#.####....#...#..##.."}; // 7 rows of 5 dots

/// The ink of a glyph at a point of its grid, interpolated between dots.
double ink(std::string_view glyph, double row, double column) {
    const double r0 = std::floor(row), c0 = std::floor(column);
    double sum = 0;
    for (const double r : {r0, r0 + 1})
        for (const double c : {c0, c0 + 1})
            if (r >= 0 && r < 7 && c >= 0 && c < 5 && glyph[std::size_t(r) * 5 + std::size_t(c)] == '#')
                sum += (1 - std::abs(row - r)) * (1 - std::abs(column - c));
    return sum;
}

data::windows draw(std::size_t count, generator g) {
    data::windows set;
    set.x = tensor<float>(shape{count, side, side});
    set.subject.assign(count, 0);
    set.info.labels = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t digit = g.below(10);
        set.label.push_back(int(digit));
        const double angle = g.uniform(-0.3, 0.3), dot = g.uniform(1.4, 2.1); // pixels from dot to dot
        const double middle_row = 7.5 + g.uniform(-1, 1), middle_column = 7.5 + g.uniform(-2, 2);
        for (std::size_t r = 0; r < side; ++r)
            for (std::size_t c = 0; c < side; ++c) {
                const double down = (double(r) - middle_row) / dot, right = (double(c) - middle_column) / dot;
                const double row = 3 + std::cos(angle) * down - std::sin(angle) * right;
                const double column = 2 + std::sin(angle) * down + std::cos(angle) * right;
                set.x(i, r, c) = float(ink(glyphs[digit], row, column) + 0.25 * g.normal());
            }
    }
    return set;
}

} // namespace

int main() {
    const auto train = draw(3000, generator(1)), validation = draw(500, generator(2)),
               test = draw(1000, generator(3));
    for (std::size_t r = 0; r < side; ++r) { // the first five
        for (std::size_t i = 0; i < 5; ++i) {
            for (std::size_t c = 0; c < side; ++c) std::putchar(train.x(i, r, c) > 0.5f ? '#' : '.');
            std::putchar(' ');
        }
        std::putchar('\n');
    }

    digit_network net(generator(4));
    const normaliser none; // brightness needs no scaling
    const auto result = train::fit(net, train, validation, none,
                                   {.epochs = 12, .lr = 4e-3, .augment = data::augment_options::none()});
    for (const auto& epoch : result.history)
        if (epoch.epoch % 3 == 0)
            std::printf("epoch %2zu: loss %.3f, validation accuracy %.3f\n", epoch.epoch, epoch.train.total,
                        epoch.validation.accuracy);

    const auto figures = train::evaluate(result.best, test, none);
    std::printf("%zu parameters; accuracy on %zu new digits %.3f\n", parameter_count(net), test.size(),
                figures.accuracy);
    return figures.accuracy >= 0.95 ? 0 : 1;
}
