// SPDX-License-Identifier: BSD-3-Clause
/// 18: weights from PyTorch. A state_dict in a safetensors file is read by name, and the network predicts.
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "smldist/io/safetensors.hpp"
#include "smldist/model/state_dict.hpp"
#include "smldist/nn/conv1d.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

/// What is in PyTorch
///
///     net = nn.Sequential(nn.Conv1d(1, 2, 2), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(2, 2))
///
/// Weights have PyTorch's shapes; windows are (B, L, C) where nn.Conv1d takes (B, C, L).
struct slopes {
    nn::conv1d<float> conv;
    nn::linear<float> head;

    explicit slopes(generator g) : conv(1, 2, 2, g), head(2, 2, g) {}

    template <class X> X operator()(const X& x) const { return head(op::mean_over_time(op::relu(conv(x)))); }
    static void visit(auto& self, auto&& member) {
        member("conv", self.conv);
        member("head", self.head);
    }
};

/// The file that examples/torch/save_state_dict.py would write of that network. Its two filters find rising and falling
/// edges, and the logits are the mean rise and the mean fall per sample.
void save_as_pytorch_does(const std::string& path) {
    const std::vector<std::pair<std::string, tensor<float>>> state_dict{
        {"0.weight", tensor<float>(shape{2, 1, 2}, {-1, 1, 1, -1})},
        {"0.bias", tensor<float>(shape{2}, {0, 0})},
        {"4.weight", tensor<float>(shape{2, 2}, {1, 0, 0, 1})},
        {"4.bias", tensor<float>(shape{2}, {0, 0})}};
    std::vector<io::tensor_view> views;
    for (const auto& [name, t] : state_dict) views.push_back(io::view_of(name, t.shape(), t.data()));
    io::write_file_atomically(path, io::write_safetensors(views, {{"format", "pt"}}));
}

} // namespace

int main() {
    const std::string file = "slopes_torch.safetensors";
    save_as_pytorch_does(file);

    // nn.Sequential numbers its layers; these rules say what they are called here.
    const std::vector<model::name_rule> names{{"0.*", "conv.*"}, {"4.*", "head.*"}};
    slopes net(generator(1));
    const auto report = model::load_state_dict(net, file, {.names = names});
    for (const auto& t : report.loaded)
        std::printf("%-9s -> %-12s %s\n", t.name.c_str(), t.path.c_str(), t.extents.text().c_str());

    // Two windows of five samples: one climbs by 3 and falls by 1, the other falls by 4.
    const tensor<float> x(shape{2, 5, 1}, {0, 1, 3, 2, 2, /**/ 9, 8, 8, 6, 5});
    const tensor<float> logits = net(x), predicted = op::argmax(logits, {.axis = 1});
    for (std::size_t i = 0; i < 2; ++i)
        std::printf("window %zu: rise %.2f, fall %.2f per sample: %s\n", i, double(logits(i, 0)),
                    double(logits(i, 1)), predicted[i] == 0 ? "rising" : "falling");

    // Without the rules no name fits; the error lists what is missing, and the network stays as it is.
    bool refused = false;
    try {
        model::load_state_dict(net, file);
    } catch (const data_error& e) {
        std::printf("refused: %s\n", e.what());
        refused = true;
    }
    // The other direction: a file that net.load_state_dict of PyTorch takes.
    model::save_state_dict("slopes_back.safetensors", net, names);

    const tensor<float> want{{0.75f, 0.25f}, {0, 1}};
    return report.complete() && identical(logits, want) && identical(net(x), want) && refused ? 0 : 1;
}
