#include "kolosal/infer/exporters/c_exporter.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/c_functions.hpp"

namespace kolosal::infer::exporters {
namespace {

using data::ColumnType;

std::string literal(double x) {
  if (std::isnan(x)) return "NAN";
  if (std::isinf(x)) return x > 0 ? "INFINITY" : "-INFINITY";
  std::string out = fmt::format("{}", x);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

std::string literal(float x) {
  const auto wide = static_cast<double>(x);
  if (!std::isfinite(wide)) return literal(wide);
  std::string out = fmt::format("{}", x);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out + "f";
}

std::string literal(std::int32_t x) { return fmt::format("{}", x); }
std::string literal(std::uint32_t x) { return fmt::format("{}u", x); }

std::string c_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || c == '?')  // '?': no trigraph
      out += fmt::format("\\{}", c);
    else if (byte < 32 || byte > 126)
      out += fmt::format("\\{:03o}", byte);
    else
      out += c;
  }
  return out + "\"";
}

/// In a comment, whatever a name holds.
std::string commented(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 32 || c == '*' || c == '\\' ? '_' : c;
  return out;
}

const std::set<std::string, std::less<>>& reserved_words() {
  static const std::set<std::string, std::less<>> words = {
      "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
      "extern", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return",
      "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void",
      "volatile", "while", "NAN", "INFINITY", "NULL", "errno", "size_t", "bool", "true", "false", "nullptr",
      "typeof", "constexpr", "alignas", "alignof", "static_assert", "thread_local", "asm", "linux", "unix",
      // A C++ program may include the file.
      "and", "bitand", "bitor", "catch", "class", "compl", "concept", "delete", "explicit", "export",
      "friend", "mutable", "namespace", "new", "noexcept", "not", "operator", "or", "private", "protected",
      "public", "requires", "template", "this", "throw", "try", "typeid", "typename", "using", "virtual",
      "xor"};
  return words;
}

std::string c_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += is_good ? c : '_';
  }
  if (out.empty() || (out[0] >= '0' && out[0] <= '9') || out[0] == '_') out = "x" + out;
  if (reserved_words().contains(out)) out += "_";
  return out;
}

/// Writes the operations of a model as C.
class CWriter {
 public:
  CWriter(const ExportedModel& model, std::string name) : model_(model), name_(std::move(name)) {
    std::set<std::string> used;
    for (const ExportedInput& input : model.inputs) {
      std::string field = c_name(input.name);
      while (!used.insert(field).second) field += "_";
      fields_.push_back(std::move(field));
    }
  }

  std::string write() {
    take_inputs();
    for (const ExportedOperation& operation : model_.operations)
      std::visit([&](const auto& o) { add(o); }, operation);
    std::string functions;
    for (const auto& [key, text] : c_functions())
      if (used_functions_.contains(key)) functions += text;
    return head() + functions + tables_ + "\n" + predict_function() + decide_function();
  }

 private:
  std::string head() const {
    std::string out = fmt::format(
        "/* A model of \"{}\" ({}), exported by kolosal. C99; link with libm.\n"
        "\n"
        "   {}_row row = ...;               every field set; missing: NAN, for texts NULL\n"
        "   double out[{}];\n"
        "   {}_predict(&row, out);          {}\n",
        commented(model_.target), data::task_name(model_.task), name_, model_.n_outputs(), name_, meaning());
    if (!model_.classes.empty())
      out += fmt::format("   {}_classes[{}_decide(out)]      the class that is decided for\n", name_, name_);
    out +=
        "\n   Threads: no state; any number of threads may predict at once. */\n"
        "#include <math.h>\n#include <stddef.h>\n#include <string.h>\n\n";
    out += "typedef struct {\n";
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const ExportedInput& input = model_.inputs[i];
      const bool is_text = input.type == ColumnType::kCategory || input.type == ColumnType::kText;
      out += fmt::format("  {}{}; /* {}{}{} */\n", is_text ? "const char* " : "double ", fields_[i],
                         commented(input.name), is_moment(input.type) ? "; seconds since 1970-01-01" : "",
                         input.is_used ? "" : "; not used");
    }
    if (fields_.empty()) out += "  double nothing;\n";
    return out + fmt::format("}} {}_row;\n\n", name_);
  }

  std::string meaning() const {
    if (model_.task == data::Task::kMulticlass) return "the probability of each class";
    if (model_.task == data::Task::kBinary)
      return fmt::format("the probability of \"{}\"", commented(model_.classes.at(1)));
    return model_.quantiles.empty() ? "the value" : "the value of each quantile";
  }

  void use(std::string_view function) { used_functions_.emplace(function); }
  static std::string v(ValueId id) { return fmt::format("v[{}]", id); }
  std::string number(ValueId id) {
    if (!model_.values[id].is_level()) return v(id);
    use("code_number");
    return fmt::format("code_number({})", code(id));
  }
  std::string code(ValueId id) const { return fmt::format("c[{}]", code_places_[id]); }
  void line(const std::string& text) { body_ += "  " + text + "\n"; }

  /// A table as a static array; its name.
  template <typename T>
  std::string table(const char* type, const std::vector<T>& values) {
    const std::string name = fmt::format("table_{}", n_tables_++);
    tables_ +=
        fmt::format("static const {} {}[{}] = {{", type, name, std::max<std::size_t>(values.size(), 1));
    std::size_t column = 1000;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string one = literal(values[i]) + (i + 1 < values.size() ? "," : "");
      if (column + one.size() > 110) {
        tables_ += "\n ";
        column = 1;
      }
      tables_ += " " + one;
      column += one.size() + 1;
    }
    tables_ += values.empty() ? "0};\n" : "};\n";
    return name;
  }

  void take_inputs() {
    code_places_.assign(model_.values.size(), 0);
    for (std::size_t i = 0; i < model_.values.size(); ++i)
      if (model_.values[i].is_level()) code_places_[i] = n_codes_++;
    for (std::size_t i = 0; i < model_.inputs.size(); ++i) {
      if (!model_.inputs[i].is_used) continue;
      const auto id = static_cast<ValueId>(i);
      if (!model_.values[i].is_level()) {
        line(fmt::format("{} = row->{};", v(id), fields_[i]));
        continue;
      }
      use("find_level");
      const auto& levels = model_.values[i].levels->levels();
      std::vector<std::int32_t> order(levels.size());
      std::iota(order.begin(), order.end(), 0);
      std::ranges::sort(order, {}, [&](std::int32_t code) { return levels[static_cast<std::size_t>(code)]; });
      const std::string name = fmt::format("levels_{}", i);
      tables_ +=
          fmt::format("static const char* const {}[{}] = {{", name, std::max<std::size_t>(levels.size(), 1));
      for (const std::int32_t k : order)
        tables_ += fmt::format("\n  {},", c_text(levels[static_cast<std::size_t>(k)]));
      tables_ += levels.empty() ? "\"\"};\n" : "};\n";
      line(fmt::format("{} = find_level(row->{}, {}, {}, {});", code(id), fields_[i], name,
                       table("int", order), levels.size()));
    }
  }

  void add(const CellOperation& o) {
    if (o.function == CellFunction::kConstant) return line(fmt::format("{} = {};", v(o.out), literal(o.a)));
    const std::string function = c_cell_function(o.function);
    use(function);
    std::string arguments = v(o.in);
    if (is_of_two(o.function)) arguments += ", " + v(o.in2);
    for (std::size_t i = 0; i < n_cell_parameters(o.function); ++i)
      arguments += ", " + literal(i == 0 ? o.a : i == 1 ? o.b : o.c);
    line(fmt::format("{} = {}({});", v(o.out), function, arguments));
  }

  void add(const LevelOperation& o) {
    std::string slot = code(o.in) + " + 2";
    if (o.is_pair)
      slot = fmt::format("({}) * {} + {} + 2", slot, model_.values[o.in2].n_slots(), code(o.in2));
    switch (o.kind) {
      case LevelOperation::Kind::kRecode:
        return line(fmt::format("{} = {}[{}];", code(o.first_out), table("int", o.codes), slot));
      case LevelOperation::Kind::kNumbers:
        if (o.width == 1)
          return line(fmt::format("{} = {}[{}];", v(o.first_out), table("double", o.numbers), slot));
        return line(fmt::format("memcpy(v + {}, {} + ({}) * {}, {} * sizeof(double));", o.first_out,
                                table("double", o.numbers), slot, o.width, o.width));
      case LevelOperation::Kind::kOneHot:
        use("one_hot");
        return line(
            fmt::format("one_hot({}[{}], v + {}, {});", table("int", o.codes), slot, o.first_out, o.width));
    }
  }

  void add(const RankOperation& o) {
    use("rank");
    line(fmt::format("{} = rank({}, {}, {}, {}, {}, {}, {});", v(o.out), v(o.in), table("double", o.points),
                     table("double", o.at), table("double", o.start), table("double", o.slope),
                     o.points.size(), literal(o.margin)));
  }

  void add(const TreesOperation& o) {
    use("walk_trees");
    const model::Forest& f = *o.forest;
    // Columns that some node reads, in their order: the others may have no value.
    std::vector<std::int32_t> place(o.features.size(), -1);
    for (const std::int32_t feature : f.feature) place[static_cast<std::size_t>(feature)] = 0;
    std::int32_t n_read = 0;
    for (std::int32_t& at : place)
      if (at == 0) at = n_read++;
    std::string nodes = fmt::format("static const struct node nodes_{}[{}] = {{\n", n_tables_,
                                    std::max<std::size_t>(f.feature.size(), 1));
    for (std::size_t i = 0; i < f.feature.size(); ++i) {
      const bool is_set = (f.flags[i] & model::kCategorical) != 0;
      nodes +=
          fmt::format("  {{{}, {}, {}, {}, {}, {}}}{}\n", is_set ? "0.0" : literal(threshold(f, i)),
                      place[static_cast<std::size_t>(f.feature[i])], f.left[i], f.right[i], node_flags(f, i),
                      is_set ? f.category_offset[i] : 0, i + 1 < f.feature.size() ? "," : "");
    }
    if (f.feature.empty()) nodes += "  {0.0, 0, -1, -1, 0, 0}\n";
    const std::string nodes_name = fmt::format("nodes_{}", n_tables_);
    tables_ += nodes + "};\n";
    const std::string words = f.category_bits.empty() ? "0" : table("unsigned", f.category_bits);
    const std::string roots = table("int", f.tree_root), outputs = table("int", f.tree_output),
                      leaves = table("double", f.leaf_value);
    line("{");
    line(fmt::format("  double x[{}];", std::max(n_read, 1)));
    if (n_read == 0) line("  x[0] = 0.0;");
    for (std::size_t i = 0; i < o.features.size(); ++i)
      if (place[i] >= 0)
        line(fmt::format("  x[{}] = {}{};", place[i], f.round_to_float ? "(double)(float)" : "",
                         number(o.features[i])));
    const auto n = static_cast<std::size_t>(f.n_outputs);
    for (std::size_t k = 0; k < n; ++k) line(fmt::format("  v[{}] = 0.0;", o.first_out + k));
    line(fmt::format("  walk_trees({}, {}, {}, {}, {}, {}, {}, x, v + {});", nodes_name, words, roots,
                     f.leaf_width > 1 ? "0" : outputs, leaves, f.n_trees(), f.leaf_width, o.first_out));
    if (f.leaf_width > 1) line(fmt::format("  (void){};", outputs));
    const std::vector<double> divisors = f.divisors();
    for (std::size_t k = 0; k < n; ++k)
      line(fmt::format("  v[{}] = {} + v[{}] / {};", o.first_out + k, literal(f.base_score[k]),
                       o.first_out + k, literal(divisors[k])));
    line("}");
  }

  static double threshold(const model::Forest& f, std::size_t i) { return f.folded_threshold(i); }

  /// 1: a set of levels; 2: missing goes left; 4: 0 is missing; and 8 times the words of the set.
  static std::int32_t node_flags(const model::Forest& f, std::size_t i) {
    const std::uint8_t flags = f.flags[i];
    if (flags & model::kCategorical)
      return 1 + (flags & model::kDefaultLeft ? 2 : 0) + 8 * f.category_words[i];
    bool missing_left = (flags & model::kDefaultLeft) != 0;
    if ((flags & model::kNanIsZero) && !(flags & model::kZeroIsMissing))
      missing_left = 0 <= f.folded_threshold(i);
    return (missing_left ? 2 : 0) + (flags & model::kZeroIsMissing ? 4 : 0);
  }

  void add(const LinearOperation& o) {
    const std::size_t k = o.intercept.size();
    for (std::size_t j = 0; j < k; ++j)
      line(fmt::format("v[{}] = {};", o.first_out + j, literal(o.intercept[j])));
    if (o.features.empty()) return;
    use("add_linear");
    std::vector<std::int32_t> features(o.features.begin(), o.features.end());
    line(fmt::format("add_linear(v, {}, {}, {}, {}, v + {});", table("int", features),
                     table("double", o.coefficient), features.size(), k, o.first_out));
  }

  void add(const NetworkOperation& o) {
    use("network_layer");
    std::size_t widest = o.features.size();
    for (const auto& layer : o.layers) widest = std::max(widest, layer.n_out);
    std::vector<std::int32_t> features(o.features.begin(), o.features.end());
    line("{");
    line(fmt::format("  double from[{}], to[{}];", widest, widest));
    line("  size_t i;");
    line(fmt::format("  for (i = 0; i < {}; ++i) from[i] = v[{}[i]];", features.size(),
                     table("int", features)));
    for (const auto& layer : o.layers) {
      const bool is_hidden = !layer.factor.empty();
      line(fmt::format("  network_layer(from, {}, {}, {}, {}, {}, {}, to);", layer.n_in, layer.n_out,
                       table("float", layer.weights), is_hidden ? table("float", layer.factor) : "0",
                       table("float", layer.shift), layer.normalizes ? 1 : 0));
      line(fmt::format("  memcpy(from, to, {} * sizeof(double));", layer.n_out));
    }
    line(fmt::format("  memcpy(v + {}, from, {} * sizeof(double));", o.first_out, o.layers.back().n_out));
    line("}");
  }

  void add(const NeighboursOperation& o) {
    use("neighbours");
    const std::size_t k = std::min(o.k, o.n_points), width = o.width();
    line("{");
    line(fmt::format("  double x[{}], nearest[{}], work[{}];", std::max<std::size_t>(o.numbers.size(), 1), k,
                     2 * (width + 1)));
    line(fmt::format("  int level[{}];", std::max<std::size_t>(o.levels.size(), 1)));
    if (o.numbers.empty()) line("  x[0] = 0.0;");
    if (o.levels.empty()) line("  level[0] = 0;");
    for (std::size_t f = 0; f < o.numbers.size(); ++f) line(fmt::format("  x[{}] = {};", f, v(o.numbers[f])));
    for (std::size_t f = 0; f < o.levels.size(); ++f)
      line(fmt::format("  level[{}] = {};", f, code(o.levels[f])));
    line(fmt::format("  neighbours(x, {}, level, {}, {}, {}, {}, {}, {}, {}, {}, {}, nearest, work, v + {});",
                     o.numbers.size(), o.levels.size(), table("double", o.cells), table("int", o.codes),
                     table("double", o.votes), o.n_points, k, o.by_distance ? 1 : 0,
                     table("double", o.otherwise), width, o.first_out));
    line("}");
  }

  void add(const BlendOperation& o) {
    for (std::size_t k = 0; k < o.width; ++k) {
      std::string sum;
      for (std::size_t i = 0; i < o.first_in.size(); ++i)
        sum += fmt::format("{}{} * v[{}]", i == 0 ? "" : " + ", literal(o.weight[i]), o.first_in[i] + k);
      line(fmt::format("v[{}] = {};", o.first_out + k, sum));
    }
  }

  void add(const RowOperation& o) {
    const std::string function = c_row_function(o.function);
    use(function);
    line(fmt::format("memcpy(v + {}, v + {}, {} * sizeof(double));", o.first_out, o.first_in, o.width));
    std::string arguments = fmt::format("v + {}, {}", o.first_out, o.width);
    if (o.function == RowFunction::kIsotonic)
      arguments += fmt::format(", {}, {}", table("double", o.parameters), o.parameters.size() / 2);
    else if (!o.parameters.empty())
      arguments += ", " + table("double", o.parameters);
    line(fmt::format("{}({});", function, arguments));
  }

  std::string predict_function() const {
    const std::size_t n = model_.values.size();
    std::string out = fmt::format("void {}_predict(const {}_row* row, double* out) {{\n", name_, name_);
    out += fmt::format("  double v[{}];\n", std::max<std::size_t>(n, 1));
    const bool has_codes = body_.find("c[") != std::string::npos;
    if (has_codes) out += fmt::format("  int c[{}];\n", std::max<std::size_t>(n_codes_, 1));
    if (body_.find("row->") == std::string::npos) out += "  (void)row;\n";
    out += body_;
    out += fmt::format("  memcpy(out, v + {}, {} * sizeof(double));\n}}\n", model_.first_output,
                       model_.n_outputs());
    return out;
  }

  std::string decide_function() const {
    if (model_.classes.empty()) return "";
    std::string out = fmt::format("\nconst char* const {}_classes[{}] = {{", name_, model_.classes.size());
    for (const std::string& name : model_.classes) out += fmt::format("\n  {},", c_text(name));
    out += fmt::format("}};\n\nsize_t {}_decide(const double* out) {{\n", name_);
    if (model_.task == data::Task::kBinary)
      return out + fmt::format("  return out[0] > {} ? 1 : 0;\n}}\n", literal(model_.threshold));
    const std::size_t n = model_.classes.size();
    std::vector<double> weights = model_.decision_weights;
    weights.resize(n, 1.0);
    out += fmt::format("  static const double weights[{}] = {{", n);
    for (std::size_t k = 0; k < n; ++k) out += (k == 0 ? "" : ", ") + literal(weights[k]);
    out += fmt::format(
        "}};\n  size_t k, best = 0;\n  for (k = 1; k < {}; ++k)\n"
        "    if (out[k] * weights[k] > out[best] * weights[best]) best = k;\n  return best;\n}}\n",
        n);
    return out;
  }

  const ExportedModel& model_;
  std::string name_;
  std::vector<std::string> fields_;       // of the row, by input
  std::vector<std::size_t> code_places_;  // by value
  std::size_t n_codes_ = 0, n_tables_ = 0;
  std::set<std::string, std::less<>> used_functions_;
  std::string tables_, body_;
};

}  // namespace

std::string export_c(const ExportedModel& model, const std::string& name) {
  return CWriter(model, c_name(name)).write();
}

}  // namespace kolosal::infer::exporters
