#include "kolosal/infer/importers/onnx_runtime.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <utility>

#include "kolosal/core/device.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/library.hpp"
#include "kolosal/infer/exporters/exported_model.hpp"
#include "kolosal/infer/importers/custom_operators.hpp"
#include "kolosal/infer/importers/onnx_labels.hpp"
#include "kolosal/infer/importers/onnx_notes.hpp"

namespace kolosal::infer {
namespace {

constexpr std::size_t kBlockRows = 1024;
constexpr double kSlack = 1e-5;  // of probabilities in float32

std::expected<Library, std::string> open_onnx_runtime() {
  if (const char* const file = std::getenv("KOLOSAL_ONNXRUNTIME"); file != nullptr && *file != '\0') {
    const std::filesystem::path path(file);
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const std::string name = path.filename().string();
    if (!std::filesystem::exists(path))
      return std::unexpected(fmt::format("KOLOSAL_ONNXRUNTIME names {}, which is not there", file));
    return open_library(std::vector<std::string_view>{name}, std::vector{folder});
  }
  return open_library(std::vector<std::string_view>{"libonnxruntime.so.1", "libonnxruntime.so"});
}

/// The same when it is not too old.
std::expected<Library, std::string> open_known_version() {
  std::expected<Library, std::string> out = open_onnx_runtime();
  if (!out) return out;
  const auto* const base = out->function<const ort::ApiBase*()>(ort::kEntry)();
  if (base->get_api(ort::kVersion) != nullptr) return out;
  return std::unexpected(
      fmt::format("{} is ONNX Runtime {}: 1.17 or later is needed", out->path(), base->version()));
}

/// The library, opened once; why not, else.
const std::expected<Library, std::string>& library() {
  static const std::expected<Library, std::string> opened = open_known_version();
  return opened;
}

}  // namespace

std::string OnnxRuntime::unavailable() { return library() ? std::string() : library().error(); }

const OnnxRuntime& OnnxRuntime::get() {
  if (!library())
    throw Error(ErrorCode::kUnsupported,
                "this ONNX model needs ONNX Runtime, which could not be opened: {}. {}", library().error(),
                kHowToInstall);
  static const OnnxRuntime runtime;
  return runtime;
}

OnnxRuntime::OnnxRuntime() {
  const auto* const base = library()->function<const ort::ApiBase*()>(ort::kEntry)();
  version_ = base->version();
  table_ = base->get_api(ort::kVersion);
  call(ort::kCreateEnv, ort::kLogFatal, "kolosal", &env_);
  call(ort::kCreateCpuMemoryInfo, ort::kArenaAllocator, ort::kDefaultMemory, &memory_);
  ort::ArenaConfig* arena = nullptr;
  call(ort::kCreateArenaConfig, Hardware::detect().default_memory_limit_bytes(), -1, -1, -1, &arena);
  call(ort::kRegisterAllocator, env_, static_cast<const ort::MemoryInfo*>(memory_),
       static_cast<const ort::ArenaConfig*>(arena));
  ort::kReleaseArenaConfig(table_, arena);
  call(ort::kDefaultAllocator, &allocator_);
}

void OnnxRuntime::check(ort::StatusPointer status) const {
  if (status == nullptr) return;
  const std::string message = ort::kStatusMessage(table_, status);
  ort::kReleaseStatus(table_, status);
  const bool is_memory =
      message.find("allocat") != std::string::npos || message.find("Available memory") != std::string::npos;
  throw Error(is_memory ? ErrorCode::kMemory : ErrorCode::kUnsupported, "ONNX Runtime: {}", message);
}

namespace {

/// Something of the library's, given back at the end.
template <typename T, typename Release>
class Owned {
 public:
  Owned() = default;
  explicit Owned(T* object) : object_(object) {}
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() {
    if (object_ != nullptr) Release()(OnnxRuntime::get().table(), object_);
  }
  T* get() const { return object_; }
  T** receive() { return &object_; }

 private:
  T* object_ = nullptr;
};
using OwnedValue = Owned<ort::Value, decltype(ort::kReleaseValue)>;
using OwnedSession = Owned<ort::Session, decltype(ort::kReleaseSession)>;
using OwnedOptions = Owned<ort::SessionOptions, decltype(ort::kReleaseSessionOptions)>;
using OwnedTensorInfo = Owned<ort::TensorInfo, decltype(ort::kReleaseTensorInfo)>;

struct TensorShape {
  OnnxType type = OnnxType::kUndefined;
  std::vector<std::int64_t> dims;
  std::size_t size() const {
    std::size_t n = 1;
    for (const std::int64_t d : dims) n *= static_cast<std::size_t>(std::max<std::int64_t>(d, 0));
    return n;
  }
};

TensorShape shape_of(const ort::Value* value) {
  const OnnxRuntime& runtime = OnnxRuntime::get();
  OwnedTensorInfo info;
  runtime.call(ort::kTensorInfo, value, info.receive());
  const ort::TensorInfo* const about = info.get();
  TensorShape out;
  int type = 0;
  std::size_t n_dims = 0;
  runtime.call(ort::kElementType, about, &type);
  runtime.call(ort::kDimensionCount, about, &n_dims);
  out.type = static_cast<OnnxType>(type);
  out.dims.resize(n_dims);
  runtime.call(ort::kDimensions, about, out.dims.data(), n_dims);
  return out;
}

std::vector<double> numbers_of(ort::Value* value) {
  const TensorShape shape = shape_of(value);
  void* data = nullptr;
  OnnxRuntime::get().call(ort::kTensorData, value, &data);
  std::vector<double> out(shape.size());
  const auto copy = [&]<typename T>(const T* from) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(from[i]);
  };
  switch (shape.type) {
    case OnnxType::kFloat32:
      copy(static_cast<const float*>(data));
      return out;
    case OnnxType::kFloat64:
      copy(static_cast<const double*>(data));
      return out;
    case OnnxType::kInt32:
      copy(static_cast<const std::int32_t*>(data));
      return out;
    case OnnxType::kInt64:
      copy(static_cast<const std::int64_t*>(data));
      return out;
    default:
      throw Error(ErrorCode::kUnsupported, "the ONNX model gives tensors of element type {}",
                  static_cast<int>(shape.type));
  }
}

std::vector<std::string> texts_of(ort::Value* value) {
  const std::size_t n = shape_of(value).size();
  if (shape_of(value).type != OnnxType::kText) {
    std::vector<std::string> out;
    for (const double number : numbers_of(value))
      out.push_back(fmt::format("{}", static_cast<std::int64_t>(number)));
    return out;
  }
  const OnnxRuntime& runtime = OnnxRuntime::get();
  const ort::Value* const texts = value;
  std::size_t n_bytes = 0;
  runtime.call(ort::kTextBytes, texts, &n_bytes);
  std::string bytes(n_bytes, '\0');
  std::vector<std::size_t> offsets(n);
  runtime.call(ort::kCopyTexts, texts, static_cast<void*>(bytes.data()), n_bytes, offsets.data(), n);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i)
    out.push_back(bytes.substr(offsets[i], (i + 1 < n ? offsets[i + 1] : n_bytes) - offsets[i]));
  return out;
}

/// An input of the graph and the columns that it takes.
struct GraphInput {
  std::string name;
  OnnxType type = OnnxType::kFloat32;
  std::size_t rank = 2;
  std::size_t first = 0, width = 1;  // columns
};

/// The session and how tables go in and predictions come out.
class Runner {
 public:
  Runner(const OnnxModel& model, std::span<const std::byte> file) {
    const OnnxRuntime& runtime = OnnxRuntime::get();
    OwnedOptions options;
    runtime.call(ort::kCreateSessionOptions, options.receive());
    runtime.call(ort::kSetIntraOpThreads, options.get(), 1);
    runtime.call(ort::kSetInterOpThreads, options.get(), 1);
    runtime.call(ort::kSetLogSeverity, options.get(), ort::kLogFatal);
    runtime.call(ort::kDisableMemoryPattern, options.get());
    runtime.call(ort::kAddConfig, options.get(), "session.use_env_allocators", "1");
    add_custom_operators(model, options.get());
    runtime.call(ort::kCreateSession, static_cast<const ort::Env*>(runtime.env()),
                 static_cast<const void*>(file.data()), file.size(),
                 static_cast<const ort::SessionOptions*>(options.get()), session_.receive());
    for (const OnnxValue& output : model.outputs) output_names_.push_back(output.name);
    read_inputs(model);
  }

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<data::ColumnType>& types() const { return types_; }
  bool is_by_position() const { return is_by_position_; }

  /// x: the columns of names().
  GraphOutput run(const data::Frame& x) const {
    const std::size_t n_rows = x.n_rows();
    std::vector<OwnedValue> inputs;
    std::vector<std::vector<std::byte>> memory(inputs_.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i) inputs.push_back(make_input(inputs_[i], x, memory[i]));
    std::vector<const char*> input_names, output_names;
    std::vector<const ort::Value*> input_values;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      input_names.push_back(inputs_[i].name.c_str());
      input_values.push_back(inputs[i].get());
    }
    for (const std::string& name : output_names_) output_names.push_back(name.c_str());
    std::vector<ort::Value*> raw(output_names.size(), nullptr);
    const ort::StatusPointer status = ort::kRun(OnnxRuntime::get().table(), session_.get(), nullptr,
                                                input_names.data(), input_values.data(), input_values.size(),
                                                output_names.data(), output_names.size(), raw.data());
    std::vector<OwnedValue> outputs;
    for (ort::Value* const value : raw) outputs.emplace_back(value);
    OnnxRuntime::get().check(status);
    return read(outputs, n_rows);
  }

 private:
  void read_inputs(const OnnxModel& model) {
    is_by_position_ = model.inputs.size() == 1;
    for (const OnnxValue& value : model.inputs) {
      GraphInput input{value.name, value.type, value.dims.size(), names_.size(), 1};
      const bool is_known = value.type == OnnxType::kFloat32 || value.type == OnnxType::kFloat64 ||
                            value.type == OnnxType::kInt32 || value.type == OnnxType::kInt64 ||
                            value.type == OnnxType::kText || value.type == OnnxType::kBool;
      if (!value.is_tensor || !is_known || input.rank < 1 || input.rank > 2)
        throw Error(ErrorCode::kUnsupported,
                    "the input \"{}\" of the ONNX model is no table of numbers or texts", value.name);
      if (input.rank == 2) {
        if (value.dims[1] <= 0 || value.dims[1] > (1 << 20))
          throw Error(ErrorCode::kUnsupported,
                      "the input \"{}\" of the ONNX model does not say how many columns it has", value.name);
        input.width = static_cast<std::size_t>(value.dims[1]);
      }
      const auto numbered =
          ImportedColumns::numbered(input.width, model.inputs.size() == 1 ? "f" : value.name + "_");
      if (input.width == 1)
        names_.push_back(value.name);
      else
        names_.insert(names_.end(), numbered.begin(), numbered.end());
      is_by_position_ = is_by_position_ && input.width > 1;
      types_.resize(names_.size(),
                    value.type == OnnxType::kText ? data::ColumnType::kText : data::ColumnType::kFloat64);
      inputs_.push_back(std::move(input));
    }
  }

  template <typename T>
  static bool fits(double value) {
    if constexpr (std::is_same_v<T, std::uint8_t>) return value == 0 || value == 1;
    // The largest int64 is no double; the next one above it would overflow.
    if constexpr (std::is_integral_v<T>)
      return value == std::trunc(value) &&
             std::abs(value) < static_cast<double>(std::numeric_limits<T>::max());
    return true;
  }

  /// Dates and timestamps are seconds.
  static void copy_cells(const data::Column& from, std::vector<double>& out) {
    if (!exporters::is_moment(from.type())) return from.copy_numbers(std::span<double>(out));
    for (std::size_t r = 0; r < out.size(); ++r)
      out[r] = from.is_missing(r) ? std::numeric_limits<double>::quiet_NaN()
                                  : exporters::seconds_of(from.int64s()[r]);
  }

  /// Row by row, as numbers of the input's type.
  template <typename T>
  static void copy_numbers(const GraphInput& input, const data::Frame& x, std::vector<std::byte>& memory) {
    memory.resize(std::max<std::size_t>(x.n_rows() * input.width * sizeof(T), 1));
    T* const out = reinterpret_cast<T*>(memory.data());
    std::vector<double> column(x.n_rows());
    for (std::size_t c = 0; c < input.width; ++c) {
      copy_cells(x.column(input.first + c), column);
      for (std::size_t r = 0; r < column.size(); ++r) {
        if (!fits<T>(column[r]))
          throw Error(ErrorCode::kData, "column \"{}\" has {} where the model takes {}",
                      x.name(input.first + c),
                      std::isnan(column[r]) ? std::string("a missing value") : fmt::format("{}", column[r]),
                      input.type == OnnxType::kBool ? "0 or 1" : "whole numbers");
        out[r * input.width + c] = static_cast<T>(column[r]);
      }
    }
  }

  static OwnedValue make_input(const GraphInput& input, const data::Frame& x,
                               std::vector<std::byte>& memory) {
    const OnnxRuntime& runtime = OnnxRuntime::get();
    const std::vector<std::int64_t> dims =
        input.rank == 1
            ? std::vector{static_cast<std::int64_t>(x.n_rows())}
            : std::vector{static_cast<std::int64_t>(x.n_rows()), static_cast<std::int64_t>(input.width)};
    OwnedValue out;
    if (input.type == OnnxType::kText) {
      runtime.call(ort::kCreateTensor, runtime.allocator(), dims.data(), dims.size(),
                   static_cast<int>(input.type), out.receive());
      std::vector<std::string> texts;
      for (std::size_t r = 0; r < x.n_rows(); ++r)
        for (std::size_t c = 0; c < input.width; ++c) texts.push_back(x.column(input.first + c).cell_text(r));
      std::vector<const char*> pointers;
      for (const std::string& text : texts) pointers.push_back(text.c_str());
      runtime.call(ort::kFillTexts, out.get(), pointers.data(), pointers.size());
      return out;
    }
    std::size_t element_bytes = 0;
    const auto copy = [&]<typename T>(T) {
      copy_numbers<T>(input, x, memory);
      element_bytes = sizeof(T);
    };
    if (input.type == OnnxType::kFloat32) copy(float());
    if (input.type == OnnxType::kFloat64) copy(double());
    if (input.type == OnnxType::kInt32) copy(std::int32_t());
    if (input.type == OnnxType::kInt64) copy(std::int64_t());
    if (input.type == OnnxType::kBool) copy(std::uint8_t());
    runtime.call(ort::kWrapTensor, static_cast<const ort::MemoryInfo*>(runtime.memory()),
                 static_cast<void*>(memory.data()), x.n_rows() * input.width * element_bytes, dims.data(),
                 dims.size(), static_cast<int>(input.type), out.receive());
    return out;
  }

  /// A list of one map per row, from class to probability, in the order of the classes.
  static std::vector<double> numbers_of_maps(const ort::Value* list, std::size_t n_rows) {
    const OnnxRuntime& runtime = OnnxRuntime::get();
    std::size_t n = 0;
    runtime.call(ort::kElementCount, list, &n);
    if (n != n_rows) throw Error(ErrorCode::kUnsupported, "the ONNX model gives {} rows for {}", n, n_rows);
    std::vector<double> out;
    for (std::size_t r = 0; r < n; ++r) {
      OwnedValue map, values;
      runtime.call(ort::kElement, list, static_cast<int>(r), runtime.allocator(), map.receive());
      runtime.call(ort::kElement, static_cast<const ort::Value*>(map.get()), 1, runtime.allocator(),
                   values.receive());
      const std::vector<double> row = numbers_of(values.get());
      out.insert(out.end(), row.begin(), row.end());
    }
    return out;
  }

  GraphOutput read(const std::vector<OwnedValue>& outputs, std::size_t n_rows) const {
    const OnnxRuntime& runtime = OnnxRuntime::get();
    GraphOutput out;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      ort::Value* const value = outputs[i].get();
      ort::ValueKind kind{};
      runtime.call(ort::kValueKind, static_cast<const ort::Value*>(value), &kind);
      const bool is_list = kind == ort::ValueKind::kSequence;
      if (!is_list && kind != ort::ValueKind::kTensor) continue;
      const TensorShape shape = is_list ? TensorShape() : shape_of(value);
      const bool is_label = !is_list && (shape.type == OnnxType::kText || shape.type == OnnxType::kInt64) &&
                            outputs.size() > 1 && shape.size() == n_rows && out.labels.empty();
      if (is_label) {
        out.labels = texts_of(value);
        continue;
      }
      if (!out.scores.empty())
        throw Error(ErrorCode::kUnsupported,
                    "the ONNX model has several outputs of numbers, \"{}\" among them", output_names_[i]);
      out.scores = is_list ? numbers_of_maps(value, n_rows) : numbers_of(value);
    }
    if (n_rows == 0) return out;
    if (out.scores.empty() || out.scores.size() % n_rows != 0)
      throw Error(ErrorCode::kUnsupported, "the ONNX model gives {} numbers for {} rows", out.scores.size(),
                  n_rows);
    out.width = out.scores.size() / n_rows;
    return out;
  }

  OwnedSession session_;
  std::vector<GraphInput> inputs_;
  std::vector<std::string> output_names_;
  std::vector<std::string> names_;
  std::vector<data::ColumnType> types_;
  bool is_by_position_ = false;
};

class RuntimeLearner final : public model::Estimator {
 public:
  RuntimeLearner(std::shared_ptr<const Runner> runner, const LearnerShape& shape,
                 std::vector<std::string> classes, LabelRule rule, std::size_t width, std::size_t block_rows)
      : runner_(std::move(runner)),
        classes_(std::move(classes)),
        rule_(std::move(rule)),
        width_(width),
        block_rows_(block_rows) {
    std::vector<std::string> types;
    for (const data::ColumnType type : shape.types) types.emplace_back(data::type_name(type));
    artifact::Node node;
    node.set("task", std::string(data::task_name(shape.task)));
    node.set("n_outputs", shape.n_outputs);
    node.set("feature_names", shape.names);
    node.set("feature_types", std::move(types));
    node.add_child("state");
    load(node);
  }

 private:
  model::FitReport do_fit(const model::TrainingData&, const model::Prepared*, model::RowSplit,
                          const Context&) override {
    throw Error(ErrorCode::kUnsupported, "an ONNX model can not be fitted here");
  }
  void do_save(artifact::Node&) const override {
    throw Error(ErrorCode::kUnsupported,
                "an ONNX model that ONNX Runtime runs can not be written as a .kolosal file");
  }
  void do_load(const artifact::Node&) override {}

  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const override {
    context.parallel_blocks(x.n_rows(), block_rows_, [&](std::size_t begin, std::size_t end) {
      const GraphOutput block = runner_->run(x.slice(begin, end - begin));
      if (block.width != width_)
        throw Error(ErrorCode::kUnsupported, "the ONNX model gives {} numbers a row instead of {}",
                    block.width, width_);
      for (std::size_t r = 0; r < end - begin; ++r) {
        const auto row = std::span(block.scores).subspan(r * width_, width_);
        if (!classes_.empty()) check(row, block.labels.empty() ? std::string() : block.labels[r]);
        std::ranges::copy(row.last(n_outputs()),
                          out.begin() + static_cast<std::ptrdiff_t>((begin + r) * n_outputs()));
      }
    });
  }

  /// That numbers are probabilities and the label is what our rule makes of them: else ours would say
  /// another.
  void check(std::span<const double> row, const std::string& label) const {
    for (const double p : row)
      if (p < -kSlack || p > 1 + kSlack)
        throw Error(ErrorCode::kUnsupported,
                    "the ONNX model gives scores such as {}, and no probabilities of its classes", p);
    if (label.empty()) return;
    const auto found = std::ranges::find(classes_, label);
    if (found == classes_.end() || !is_decided(row, static_cast<std::size_t>(found - classes_.begin())))
      throw Error(
          ErrorCode::kUnsupported,
          "the ONNX model labels a row \"{}\", which is not the class that its probabilities {} decide for",
          label, fmt::join(row, ", "));
  }

  /// But for rounding.
  bool is_decided(std::span<const double> row, std::size_t label) const {
    if (classes_.size() == 2) {
      const double above = row.back() - rule_.threshold;
      return label == 1 ? above > -kSlack : above < kSlack;
    }
    const auto value = [&](std::size_t k) {
      return rule_.weights.empty() ? row[k] : row[k] * rule_.weights[k];
    };
    for (std::size_t k = 0; k < row.size(); ++k)
      if (value(k) > value(label) + kSlack * std::max(1.0, std::abs(value(k)))) return false;
    return true;
  }

  std::shared_ptr<const Runner> runner_;
  std::vector<std::string> classes_;
  LabelRule rule_;
  std::size_t width_, block_rows_;
};

std::size_t block_rows_of(const OnnxNotes& notes) {
  return notes.block_rows == 0 ? kBlockRows : std::min(notes.block_rows, kBlockRows);
}

/// One row, to see what comes out: zeros and empty texts.
data::Frame probe_row(const Runner& runner) {
  data::Frame out;
  for (std::size_t c = 0; c < runner.names().size(); ++c)
    out.add(runner.names()[c], runner.types()[c] == data::ColumnType::kText
                                   ? data::Column::from_texts({std::string()})
                                   : data::Column::from_float64({0.0}));
  return out;
}

}  // namespace

RuntimeGraph run_by_onnx_runtime(const OnnxModel& model, std::span<const std::byte> file) {
  const auto runner = std::make_shared<const Runner>(model, file);
  RuntimeGraph out;
  out.runs_by = "ONNX Runtime " + OnnxRuntime::get().version();
  out.by_position = runner->is_by_position();
  out.columns.names = runner->names();
  out.columns.types = runner->types();
  const OnnxNotes notes = OnnxNotes::of(model);
  for (std::size_t c = 0; c < out.columns.names.size(); ++c)
    if (const auto found = notes.moments.find(out.columns.names[c]);
        found != notes.moments.end() && out.columns.types[c] != data::ColumnType::kText)
      out.columns.types[c] = found->second;
  out.columns.schema();  // before they are columns of a frame: that no name is there twice
  const GraphOutput probe = runner->run(probe_row(*runner));
  const bool is_classifier = !probe.labels.empty() || (probe.width > 1 && ends_in_softmax(model));
  if (is_classifier) {
    out.classes = classes_of(model, std::max<std::size_t>(probe.width, 2));
    out.task = probe.width <= 2 ? data::Task::kBinary : data::Task::kMulticlass;
    out.rule = label_rule(model, out.classes.size());
  } else if (!notes.quantiles.empty() && notes.quantiles.size() == probe.width) {
    out.quantiles = notes.quantiles;
  } else if (probe.width != 1) {
    throw Error(
        ErrorCode::kUnsupported,
        "the ONNX model gives {} numbers a row and no labels: models of several targets are not supported",
        probe.width);
  }
  const LearnerShape shape = out.columns.shape(
      out.task, out.task == data::Task::kMulticlass || !out.quantiles.empty() ? probe.width : std::size_t{1});
  out.learner = std::make_unique<RuntimeLearner>(runner, shape, out.classes, out.rule, probe.width,
                                                 block_rows_of(notes));
  return out;
}

GraphOutput run_graph(const OnnxModel& model, std::span<const std::byte> file, const data::Frame& rows) {
  const Runner runner(model, file);
  const ImportedColumns columns{runner.names(), {}, runner.types()};
  const data::Frame table = columns.schema().conform(rows);
  const std::size_t block = block_rows_of(OnnxNotes::of(model));
  GraphOutput out = runner.run(table.slice(0, std::min(block, table.n_rows())));
  for (std::size_t at = block; at < table.n_rows(); at += block) {
    const GraphOutput more = runner.run(table.slice(at, std::min(block, table.n_rows() - at)));
    out.scores.insert(out.scores.end(), more.scores.begin(), more.scores.end());
    out.labels.insert(out.labels.end(), more.labels.begin(), more.labels.end());
  }
  return out;
}

}  // namespace kolosal::infer
