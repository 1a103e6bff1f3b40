// SPDX-License-Identifier: BSD-3-Clause
/// Recurrent layers: one or more layers of gated recurrent units or of long short-term memory, in one or both directions.
#ifndef SMLDIST_NN_RECURRENT_HPP
#define SMLDIST_NN_RECURRENT_HPP

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/parameter.hpp"
#include "smldist/nn/init.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/recurrent.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

struct recurrent_options {
    std::size_t layers = 1;
    bool bidirectional = false; ///< a second unit per layer runs from the end; its outputs follow those of the first
    double dropout = 0;         ///< between layers, in training
    bool bias = true;
};

namespace detail {

/// The weights of one layer in one direction.
template <class T> struct recurrent_unit { parameter<T> weight_ih, weight_hh, bias_ih, bias_hh; };

/// What nn::gru and nn::lstm have in common.
template <class T> struct recurrent_stack {
    std::vector<recurrent_unit<T>> units; ///< layer after layer, in each the direction forwards first
    recurrent_options options;

    recurrent_stack() = default;
    SMLDIST_COLD recurrent_stack(std::string_view where, std::size_t gates, std::size_t channels, std::size_t hidden,
                                 generator& g, const recurrent_options& o)
        : units(o.layers * (o.bidirectional ? 2 : 1)), options(o) {
        if (channels == 0 || hidden == 0 || o.layers == 0)
            raise<usage_error>(where, "channels, hidden, layers are ", channels, ", ", hidden, ", ", o.layers,
                               ", expected at least 1");
        if (!(o.dropout >= 0 && o.dropout < 1))
            raise<usage_error>(where, "dropout is ", o.dropout, ", expected in [0, 1)");
        const double bound = 1 / std::sqrt(double(hidden));
        for (std::size_t i = 0; i < units.size(); ++i) {
            recurrent_unit<T>& u = units[i];
            const std::size_t in = layer_of(i) == 0 ? channels : hidden * directions();
            u.weight_ih.value = tensor<T>(shape{gates * hidden, in});
            u.weight_hh.value = tensor<T>(shape{gates * hidden, hidden});
            if (o.bias) u.bias_ih.value = u.bias_hh.value = tensor<T>(shape{gates * hidden});
            u.bias_ih.decay = u.bias_hh.decay = false;
            for (auto* p : {&u.weight_ih, &u.weight_hh, &u.bias_ih, &u.bias_hh})
                init::uniform_(p->value, g, -bound, bound);
        }
    }
    std::size_t directions() const { return options.bidirectional ? 2 : 1; }
    std::size_t layer_of(std::size_t unit) const { return unit / directions(); }
    bool is_reverse(std::size_t unit) const { return unit % directions() == 1; }
    std::size_t hidden() const { return units.empty() ? 0 : units[0].weight_hh.shape()[1]; }

    /// The outputs of the last layer; one(x, unit) gives those of a unit.
    template <class X, class F> X run(const X& x, mode m, const F& one) const {
        if (units.empty())
            raise<usage_error>("nn::recurrent", "number of layers is 0, as without arguments, expected at least 1");
        X y;
        const X* in = &x;
        for (std::size_t unit = 0; unit < units.size(); unit += directions()) {
            if (unit > 0) y = op::dropout(std::move(y), {.p = options.dropout}, m);
            X forwards = one(*in, unit);
            y = options.bidirectional ? op::concat(std::move(forwards), one(*in, unit + 1)) : std::move(forwards);
            in = &y;
        }
        return y;
    }
    /// Throws     shape_error unless a state has H columns for each unit.
    SMLDIST_COLD void check_state(std::string_view where, const shape& state) const {
        if (state.rank() != 2 || state[1] != units.size() * hidden())
            raise<shape_error>(where, "shape of a state is ", state.text(), ", expected (B, ",
                               units.size() * hidden(), ") for ", units.size(), " units of ", hidden());
    }
    /// The part of a state (B, units H) that belongs to a unit.
    template <class X> X part(const X& state, std::size_t unit) const {
        if (units.size() == 1) return state;
        return op::slice(state, -1, unit * hidden(), (unit + 1) * hidden());
    }
    /// Appends the row t of y (B, L, H) to a state.
    template <class X> static void append(X& state, const X& y, std::size_t t) {
        const X row = op::flatten(op::slice(y, 1, t, t + 1));
        state = state.empty() ? row : op::concat(state, row);
    }
    /// Names the parameters as PyTorch does: weight_ih_l0, …, bias_hh_l1_reverse.
    static void visit(auto& self, auto&& member) {
        for (std::size_t i = 0; i < self.units.size(); ++i) {
            const auto named = [&](std::string_view name, auto& p) {
                std::array<char, 64> text{}; // not a string: a walk over a model does not allocate
                char* end = std::copy(name.begin(), name.end(), text.data());
                end = std::to_chars(end, text.data() + text.size(), self.layer_of(i)).ptr;
                const std::string_view suffix = self.is_reverse(i) ? "_reverse" : "";
                end = std::copy(suffix.begin(), suffix.end(), end);
                member(std::string_view(text.data(), static_cast<std::size_t>(end - text.data())), p);
            };
            named("weight_ih_l", self.units[i].weight_ih);
            named("weight_hh_l", self.units[i].weight_hh);
            named("bias_ih_l", self.units[i].bias_ih);
            named("bias_hh_l", self.units[i].bias_hh);
        }
    }
};

} // namespace detail

/// The state of nn::gru between two parts of a stream, (B, units H): that of layer 0, forwards, then backwards, of layer 1, …
/// Empty at the start: zeros.
template <class X> struct gru_state { X h; };
template <class X> struct gru_result {
    X y;
    gru_state<X> state;
};

/// Layers of gated recurrent units over a sequence.
///
///     const nn::gru<float> layer(9, 64, g);
///     const auto y = layer(x);                          // all outputs
///     nn::gru_state<tensor<float>> state;               // zeros
///     for (const auto& part : stream) {                 // the same numbers, part by part
///         auto [y, next] = layer(part, state);
///         state = next;
///     }
///
/// Every layer is op::gru on the outputs of the layer before it; see there for the formula. A call with a state also returns
/// the state after the last sample, in every world; recorded on a tape it carries gradients from part to part. The units that
/// run from the end start at the end of a part with the state that is given to them.
///
/// Shapes     x (B, L, channels) · y (B, L, H), or (B, L, 2H) if bidirectional · state (B, layers H) or (B, 2 layers H)
/// Init       all U(-1/√H, 1/√H).
/// Cost       3H (in + H) multiply-accumulates per sample of time, layer and direction.
/// Throws     usage_error if an extent is 0 or dropout is not in [0, 1), or for a call of a layer made without arguments;
///            shape_error if x or a state does not fit.
/// Source     Cho et al. 2014; torch.nn.GRU with batch_first, whose parameters have the same names and shapes. PyTorch's
///            h_n (units, B, H) is `state.h` with the units along the last axis.
template <class T> struct gru : detail::recurrent_stack<T> {
    gru() = default;
    gru(std::size_t channels, std::size_t hidden, generator& g, const recurrent_options& o = {})
        : detail::recurrent_stack<T>("nn::gru", 3, channels, hidden, g, o) {}

    template <class X> X operator()(const X& x) const { return (*this)(x, mode::eval); }
    template <class X, std::same_as<mode> M> X operator()(const X& x, M m) const {
        return this->run(x, mode_of(*this, m), [&](const X& in, std::size_t i) { return unit(in, tensor<T>(), i); });
    }
    template <class X> gru_result<X> operator()(const X& x, const gru_state<X>& from, mode m = mode::eval) const {
        if (!from.h.empty()) this->check_state("nn::gru", from.h.shape());
        gru_result<X> result;
        result.y = this->run(x, mode_of(*this, m), [&](const X& in, std::size_t i) {
            const X y = from.h.empty() ? unit(in, tensor<T>(), i) : unit(in, this->part(from.h, i), i);
            this->append(result.state.h, y, this->is_reverse(i) ? 0 : x.shape()[1] - 1);
            return y;
        });
        return result;
    }

private:
    template <class X, class S> X unit(const X& x, const S& h0, std::size_t i) const {
        const auto& u = this->units[i];
        return op::gru(x, h0, u.weight_ih, u.weight_hh, u.bias_ih, u.bias_hh, {.reverse = this->is_reverse(i)});
    }
};

/// The state of nn::lstm between two parts of a stream, each (B, units H) as in gru_state.
template <class X> struct lstm_state { X h, c; };
template <class X> struct lstm_result {
    X y;
    lstm_state<X> state;
};

/// Layers of long short-term memory over a sequence; calls, shapes, initial values and errors as nn::gru, with op::lstm as its
/// formula.
///
/// Cost       4H (in + H) multiply-accumulates per sample of time, layer and direction.
/// Source     Hochreiter and Schmidhuber 1997; torch.nn.LSTM with batch_first, without projections.
template <class T> struct lstm : detail::recurrent_stack<T> {
    lstm() = default;
    lstm(std::size_t channels, std::size_t hidden, generator& g, const recurrent_options& o = {})
        : detail::recurrent_stack<T>("nn::lstm", 4, channels, hidden, g, o) {}

    template <class X> X operator()(const X& x) const { return (*this)(x, mode::eval); }
    template <class X, std::same_as<mode> M> X operator()(const X& x, M m) const {
        return this->run(x, mode_of(*this, m),
                         [&](const X& in, std::size_t i) { return unit(in, tensor<T>(), tensor<T>(), i, false); });
    }
    template <class X> lstm_result<X> operator()(const X& x, const lstm_state<X>& from, mode m = mode::eval) const {
        if (from.h.empty() != from.c.empty())
            raise<usage_error>("nn::lstm", "only one part of the state is empty, expected both h and c or none");
        if (!from.h.empty())
            for (const shape& s : {from.h.shape(), from.c.shape()}) this->check_state("nn::lstm", s);
        const std::size_t L = x.shape()[1];
        lstm_result<X> result;
        result.y = this->run(x, mode_of(*this, m), [&](const X& in, std::size_t i) {
            const X all = from.h.empty() ? unit(in, tensor<T>(), tensor<T>(), i, true)
                                         : unit(in, this->part(from.h, i), this->part(from.c, i), i, true);
            this->append(result.state.h, all, this->is_reverse(i) ? 0 : L - 1);
            this->append(result.state.c, all, L);
            return op::slice(all, 1, 0, L);
        });
        return result;
    }

private:
    template <class X, class S> X unit(const X& x, const S& h0, const S& c0, std::size_t i, bool cells) const {
        const auto& u = this->units[i];
        return op::lstm(x, h0, c0, u.weight_ih, u.weight_hh, u.bias_ih, u.bias_hh,
                        {.reverse = this->is_reverse(i), .cells = cells});
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif
