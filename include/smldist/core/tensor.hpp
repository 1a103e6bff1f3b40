// SPDX-License-Identifier: BSD-3-Clause
/// tensor<T>, and the only header of the library that includes xtensor.
///
/// Both header layouts of xtensor are supported: 0.24/0.25 (`xtensor/xadapt.hpp`) and ≥ 0.26 (`xtensor/containers/…`).
#ifndef SMLDIST_CORE_TENSOR_HPP
#define SMLDIST_CORE_TENSOR_HPP

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <utility>

#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/core/xnoalias.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xnoalias.hpp>
#endif

#include "smldist/core/error.hpp"
#include "smldist/core/memory.hpp"
#include "smldist/core/shape.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// A dense row-major tensor of dynamic rank that owns its storage (64-byte aligned, recycled) and copies deeply.
///
/// Constructed from nested lists, a shape, or any xtensor expression; `array()` gives an xtensor view back:
///
///     tensor<float> x{{1, 2}, {3, 4}};
///     x.array() += 1;                                  // xtensor's element-wise maths, in place
///     tensor<float> y = xt::exp(x.array()) * 2;        // from an expression, evaluated at once
///
/// A default-constructed tensor has shape (0) and no elements.
template <class T> class tensor {
    static_assert(std::is_arithmetic_v<T>,
                  "smldist::tensor<T>: T must be an arithmetic type such as float or double");

public:
    using value_type = T;

    tensor() : shape_{0} {}
    /// Zeros of the given shape.
    explicit tensor(const smldist::shape& s) : tensor(s, T(0)) {}
    /// All elements `value`.
    tensor(const smldist::shape& s, T value) : tensor(uninitialized(s)) { fill(value); }
    /// The listed values, in row-major order. Throws shape_error when their number is not s.size().
    tensor(const smldist::shape& s, std::initializer_list<T> values) : tensor(uninitialized(s)) {
        if (values.size() != size())
            raise<shape_error>("tensor", "number of values is ", values.size(), ", expected ", size(), " for shape ",
                               s.text());
        std::copy(values.begin(), values.end(), begin());
    }
    tensor(std::initializer_list<T> row) : tensor(smldist::shape{row.size()}, row) {}
    /// A matrix from its rows. Throws shape_error when the rows differ in length.
    tensor(std::initializer_list<std::initializer_list<T>> rows)
        : tensor(uninitialized({rows.size(), rows.size() ? rows.begin()->size() : 0})) {
        T* to = data();
        for (const auto& row : rows) {
            if (row.size() != shape_[1])
                raise<shape_error>("tensor", "length of a row is ", row.size(), ", expected ", shape_[1]);
            to = std::copy(row.begin(), row.end(), to);
        }
    }
    /// The value of an xtensor expression, evaluated now.
    template <class E> tensor(const xt::xexpression<E>& expression) : shape_{0} { // implicit: tensors are values
        const auto& e = expression.derived_cast();
        *this = uninitialized(smldist::shape(e.shape().cbegin(), e.shape().cend()));
        xt::noalias(array()) = e;
    }

    SMLDIST_NOINLINE tensor(const tensor& other) : tensor(uninitialized(other.shape_)) { copy_from(other); }
    SMLDIST_NOINLINE tensor(tensor&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), shape_(other.shape_) {
        other.shape_ = smldist::shape{0};
    }
    SMLDIST_NOINLINE tensor& operator=(const tensor& other) {
        if (this == &other) return *this;
        if (size() != other.size()) *this = uninitialized(other.shape_);
        shape_ = other.shape_;
        copy_from(other);
        return *this;
    }
    SMLDIST_NOINLINE tensor& operator=(tensor&& other) noexcept {
        if (this == &other) return *this;
        memory::release(data_, size() * sizeof(T));
        data_ = std::exchange(other.data_, nullptr);
        shape_ = std::exchange(other.shape_, smldist::shape{0});
        return *this;
    }
    ~tensor() {
        if (data_) memory::release(data_, size() * sizeof(T));
    }

    /// Storage without a value; every element must be written before it is read.
    [[nodiscard]] SMLDIST_NOINLINE static tensor uninitialized(const smldist::shape& s) {
        tensor t;
        t.data_ = static_cast<T*>(memory::allocate(s.size() * sizeof(T)));
        t.shape_ = s;
        return t;
    }

    /// Zeros in a block from the heap, for a tensor that outlives the step that makes it: see memory::allocate_lasting.
    [[nodiscard]] SMLDIST_NOINLINE static tensor lasting(const smldist::shape& s) {
        tensor t;
        t.data_ = static_cast<T*>(memory::allocate_lasting(s.size() * sizeof(T)));
        t.shape_ = s;
        t.fill(T(0));
        return t;
    }

    const smldist::shape& shape() const { return shape_; }
    std::size_t size() const { return shape_.size(); }
    bool empty() const { return size() == 0; }
    T* data() { return data_; }
    const T* data() const { return data_; }
    T* begin() { return data_; }
    T* end() { return data_ + size(); }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + size(); }

    /// Element by row-major position.
    T& operator[](std::size_t i) { return data_[checked(i)]; }
    const T& operator[](std::size_t i) const { return data_[checked(i)]; }
    /// Element by one index per axis. Hot loops run over data().
    /// Throws     shape_error for another number of indices than the rank. That each index is below its extent is a
    ///            precondition, which SMLDIST_ASSERTIONS checks.
    template <class... I> T& operator()(I... index) { return data_[offset(index...)]; }
    template <class... I> const T& operator()(I... index) const { return data_[offset(index...)]; }

    /// The only element. Throws shape_error when there is not exactly one.
    T item() const {
        if (size() != 1) raise<shape_error>("tensor.item", "shape is ", shape_.text(), ", expected one element");
        return *data_;
    }

    /// An xtensor view of the elements, valid while this tensor exists and keeps its storage. For a temporary it is a
    /// copy that the expression owns.
    auto array() & { return adapt(data_); }
    auto array() const& { return adapt(static_cast<const T*>(data_)); }
    auto array() const&& { return xt::xarray<T>(adapt(static_cast<const T*>(data_))); }

    void fill(T value) { std::fill(begin(), end(), value); }

    /// The same elements under another shape. Throws shape_error when the number of elements differs.
    [[nodiscard]] tensor reshaped(const smldist::shape& s) const& { return tensor(*this).reshaped(s); }
    [[nodiscard]] tensor reshaped(const smldist::shape& s) && {
        if (s.size() != size())
            raise<shape_error>("tensor.reshaped", "shape is ", shape_.text(), ", expected as many elements as ",
                               s.text());
        shape_ = s;
        return std::move(*this);
    }

    /// For gradient sums: a tensor without elements takes shape `s` (contents unspecified) and false is returned, so
    /// the caller writes; otherwise true, and the caller adds.
    bool ensure(const smldist::shape& s) {
        if (!empty()) {
            SMLDIST_ASSERT(size() == s.size());
            return true;
        }
        *this = uninitialized(s);
        return false;
    }

private:
    void copy_from(const tensor& other) {
        if (!empty()) std::memcpy(data_, other.data_, size() * sizeof(T));
    }
    template <class P> auto adapt(P* p) const {
        xt::dynamic_shape<std::size_t> extents(shape_.begin(), shape_.end());
        return xt::adapt<xt::layout_type::row_major>(p, size(), xt::no_ownership(), extents);
    }
    std::size_t checked(std::size_t i) const {
        SMLDIST_ASSERT(i < size());
        return i;
    }
    [[noreturn, gnu::cold]] SMLDIST_NOINLINE static void wrong_rank(std::size_t indices, std::size_t rank) {
        raise<shape_error>("tensor", "number of indices is ", indices, ", expected the rank, ", rank);
    }
    template <class... I> std::size_t offset(I... index) const {
        if (sizeof...(I) != shape_.rank()) wrong_rank(sizeof...(I), shape_.rank());
        std::size_t at = 0, axis = 0;
        ((SMLDIST_ASSERT(static_cast<std::size_t>(index) < shape_[axis]),
          at = at * shape_[axis++] + static_cast<std::size_t>(index)),
         ...);
        return at;
    }

    T* data_ = nullptr;
    smldist::shape shape_;
};

/// Same shape and same bits (so NaN equals NaN and 0 differs from -0).
template <class T> [[nodiscard]] bool identical(const tensor<T>& a, const tensor<T>& b) {
    return a.shape() == b.shape() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// Whether every element is finite.
template <class T> [[nodiscard]] bool all_finite(const tensor<T>& a) {
    return std::all_of(a.begin(), a.end(), [](T v) { return std::isfinite(v); });
}

/// The elements converted to U.
template <class U, class T> [[nodiscard]] tensor<U> cast(const tensor<T>& a) {
    auto b = tensor<U>::uninitialized(a.shape());
    std::transform(a.begin(), a.end(), b.begin(), [](T v) { return static_cast<U>(v); });
    return b;
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif
