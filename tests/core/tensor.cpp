// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/tensor.hpp"
#include "xtensor_math.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace smldist;

TEST_CASE_TEMPLATE("tensor: constructors", T, float, double, std::int32_t) {
    const tensor<T> none;
    CHECK(none.empty());
    CHECK(none.shape() == shape{0});
    CHECK(none.data() == nullptr);

    const tensor<T> zeros(shape{2, 3});
    CHECK(std::vector<T>(zeros.begin(), zeros.end()) == std::vector<T>(6, T(0)));
    const tensor<T> sevens(shape{2, 3}, T(7));
    CHECK(std::vector<T>(sevens.begin(), sevens.end()) == std::vector<T>(6, T(7)));

    const tensor<T> row{1, 2, 3};
    CHECK(row.shape() == shape{3});
    CHECK(row[2] == T(3));
    const tensor<T> matrix{{1, 2}, {3, 4}, {5, 6}};
    CHECK(matrix.shape() == shape{3, 2});
    CHECK(matrix(2, 0) == T(5));
    const tensor<T> cube(shape{1, 2, 2}, {1, 2, 3, 4});
    CHECK(cube(0, 1, 0) == T(3));

    const tensor<T> scalar(shape{}, T(5));
    CHECK(scalar.size() == 1);
    CHECK(scalar.item() == T(5));
    CHECK(tensor<T>(shape{3, 0}).empty());
}

TEST_CASE("tensor: constructors refuse wrong counts") {
    CHECK_THROWS_AS(tensor<float>(shape{2, 2}, {1, 2, 3}), shape_error);
    CHECK_THROWS_WITH_AS(tensor<float>({{1, 2}, {3}}), doctest::Contains("length of a row is 1"), shape_error);
    CHECK_THROWS_WITH_AS(tensor<float>(shape{2, 3}).item(), doctest::Contains("(2, 3)"), shape_error);
}

TEST_CASE("tensor: as many indices as axes, in every build") {
    tensor<float> x(shape{2, 3, 4});
    CHECK_THROWS_WITH_AS(x(1, 2), "tensor: number of indices is 2, expected the rank, 3", shape_error);
    CHECK_THROWS_WITH_AS(std::as_const(x)(0, 0, 0, 0), "tensor: number of indices is 4, expected the rank, 3",
                         shape_error);
    CHECK_THROWS_AS(tensor<float>()(), shape_error);
    x(1, 2, 3) = 5;
    CHECK(x[23] == 5);
    const tensor<int> scalar(shape{}, 7);
    CHECK(scalar() == 7);
}

TEST_CASE("tensor: storage is 64-byte aligned") {
    for (const std::size_t n : {1u, 3u, 17u, 1000u}) {
        const tensor<float> x(shape{n});
        CHECK(reinterpret_cast<std::uintptr_t>(x.data()) % 64 == 0);
    }
}

TEST_CASE("tensor: copies are deep, moves leave the source empty") {
    tensor<float> a{{1, 2}, {3, 4}};
    tensor<float> b = a;
    b(0, 0) = 9;
    CHECK(a(0, 0) == 1);

    const float* storage = a.data();
    tensor<float> c = std::move(a);
    CHECK(c.data() == storage);
    CHECK(a.empty());
    CHECK(a.shape() == shape{0});

    b = tensor<float>(c).reshaped({4}); // moved in
    CHECK(b.shape() == shape{4});
    b = c;
    CHECK(identical(b, c));

    tensor<float> same_size(shape{4});
    const float* place = same_size.data();
    same_size = c; // a copy of as many elements keeps the storage
    CHECK(same_size.data() == place);
    CHECK(same_size.shape() == shape{2, 2});
    same_size = *&same_size;
    CHECK(identical(same_size, c));
    c = tensor<float>();
    CHECK(c.empty());
    same_size = c;
    CHECK(same_size.empty());
}

TEST_CASE("tensor: from xtensor expressions, and an xtensor view back") {
    tensor<double> x{{1, 2}, {3, 4}};
    const tensor<double> y = xt::exp(x.array()) * 2;
    CHECK(y.shape() == shape{2, 2});
    CHECK(y(1, 1) == doctest::Approx(2 * std::exp(4.0)).epsilon(1e-15));
    x.array() += 1; // in place
    CHECK(x(0, 0) == 2);
    const tensor<double> column = xt::view(x.array(), xt::all(), 1);
    CHECK(identical(column, tensor<double>{3, 5}));
    const tensor<double> transposed = xt::transpose(x.array());
    CHECK(identical(transposed, tensor<double>{{2, 4}, {3, 5}}));
    x = x.array() * 2 - x.array(); // an expression of the target itself
    CHECK(identical(x, tensor<double>{{2, 3}, {4, 5}}));
    const tensor<double>& constant = x;
    CHECK(constant.array()(1, 0) == 4);
}

TEST_CASE("tensor: reshaped") {
    const tensor<float> x{{1, 2, 3}, {4, 5, 6}};
    CHECK(identical(x.reshaped({3, 2}), tensor<float>{{1, 2}, {3, 4}, {5, 6}}));
    CHECK(x.shape() == shape{2, 3});
    tensor<float> y = x;
    const float* storage = y.data();
    CHECK(std::move(y).reshaped({6}).data() == storage);
    CHECK_THROWS_AS(x.reshaped({4}), shape_error);
}

TEST_CASE("tensor: ensure tells first write from addition") {
    tensor<float> sum;
    CHECK_FALSE(sum.ensure({2, 3}));
    CHECK(sum.shape() == shape{2, 3});
    const float* storage = sum.data();
    CHECK(sum.ensure({2, 3}));
    CHECK(sum.data() == storage);
}

TEST_CASE("tensor: identical compares bits, all_finite finds values that are not finite, cast converts") {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    CHECK(identical(tensor<float>{nan}, tensor<float>{nan}));
    CHECK_FALSE(identical(tensor<float>{0.0f}, tensor<float>{-0.0f}));
    CHECK_FALSE(identical(tensor<float>(shape{2, 1}), tensor<float>(shape{1, 2})));
    CHECK(identical(tensor<float>(), tensor<float>()));
    CHECK(all_finite(tensor<float>{1, 2}));
    CHECK_FALSE(all_finite(tensor<float>{1, nan}));
    CHECK_FALSE(all_finite(tensor<float>{-inf, 1}));
    CHECK(identical(cast<std::int32_t>(tensor<double>{1.9, -1.9}), tensor<std::int32_t>{1, -1}));
}

TEST_CASE("tensor: an expression owns the elements of a temporary") {
    const auto values = [] { return tensor<double>{{1, 2}, {3, 4}}; };
    const auto lazy = values().array() * 2 + values().array();
    for (std::size_t i = 0; i < 4; ++i) tensor<double>(shape{2, 2}, 99); // takes the block that a temporary had
    CHECK(identical(tensor<double>(lazy), {{3, 6}, {9, 12}}));
    tensor<double> x = values();
    x.array() += 1; // of what stays, a view
    CHECK(identical(x, {{2, 3}, {4, 5}}));
}
