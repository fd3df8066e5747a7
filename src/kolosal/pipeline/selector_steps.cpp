#include "kolosal/pipeline/selector_steps.hpp"

#include "kolosal/pipeline/feature_selector.hpp"

namespace kolosal::pipeline {
namespace {

class SelectorStep final : public transform::Transformer {
 public:
  explicit SelectorStep(std::unique_ptr<FeatureSelector> selector) : selector_(std::move(selector)) {}
  bool uses_target() const override { return true; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override {
    kept_ = selector_->fit(x, rows, y, context).kept;
  }
  std::vector<Named> do_transform(const data::Frame& x, const Context&) const override {
    std::vector<Named> out;
    for (std::size_t c = 0; c < x.n_columns(); ++c)
      if (kept_[c]) out.push_back({x.name(c), x.column(c)});
    return out;
  }
  void do_save(artifact::Node& node) const override { node.set_array("kept", kept_); }
  void do_load(const artifact::Node& node) override {
    kept_ = node.get_vector<std::uint8_t>("kept");
    if (kept_.size() != input_columns().size())
      throw Error(ErrorCode::kModel, "a selector holds {} columns instead of {}", kept_.size(),
                  input_columns().size());
  }

  std::unique_ptr<FeatureSelector> selector_;
  std::vector<std::uint8_t> kept_;  // by column, 1 = stays
};

std::shared_ptr<const transform::TransformerInfo> step_of(const FeatureSelectorInfo& selector) {
  auto make = [make_selector =
                   selector.make](const ParamMap& params) -> std::unique_ptr<transform::Transformer> {
    return std::make_unique<SelectorStep>(make_selector(params));
  };
  return std::make_shared<const transform::TransformerInfo>(transform::TransformerInfo{
      selector.name, selector.summary, "numeric,category,sparse", selector.params, std::move(make)});
}

}  // namespace

const transform::StepCatalog& selector_steps() {
  static const transform::StepCatalog catalog = [] {
    transform::StepCatalog out;
    for (const FeatureSelectorInfo& selector : feature_selectors()) out.push_back(step_of(selector));
    return out;
  }();
  return catalog;
}

}  // namespace kolosal::pipeline
