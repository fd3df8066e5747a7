// Fits a recipe on a table that preprocessing.py wrote, several times, and prints the best seconds and the
// peak memory above that of the table. The result of the last run goes to a file, column by column, as
// doubles. preprocess_bench DATA RESULT N_THREADS REPEATS RECIPE_JSON
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/transform/recipe.hpp"

using namespace kolosal;

namespace {

template <typename T>
T read(std::ifstream& in) {
  T value{};
  in.read(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

data::Column read_column(std::ifstream& in, std::size_t n) {
  const auto n_levels = read<std::int64_t>(in);
  std::vector<double> values(n);
  in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(n * sizeof(double)));
  if (n_levels == 0) return data::Column::from_float64(std::move(values));
  std::vector<std::string> levels;
  for (std::int64_t i = 0; i < n_levels; ++i) levels.push_back(fmt::format("v{:04}", i));
  return data::Column::from_category({values.begin(), values.end()},
                                     std::make_shared<data::Dictionary>(std::move(levels)));
}

// A line of /proc/self/status in bytes.
double status_bytes(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return std::stod(line.substr(key.size() + 1)) * 1024;
  return 0;
}

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void write_column(std::ofstream& out, const data::Column& column) {
  if (column.type() == data::ColumnType::kSparse) {
    const auto cells = column.sparse();
    const std::int64_t header[] = {static_cast<std::int64_t>(cells.width), cells.offsets.back()};
    out.write(reinterpret_cast<const char*>(header), sizeof header);
    out.write(reinterpret_cast<const char*>(cells.offsets.data()),
              static_cast<std::streamsize>(cells.offsets.size_bytes()));
    out.write(reinterpret_cast<const char*>(cells.indices),
              static_cast<std::streamsize>(static_cast<std::size_t>(header[1]) * sizeof(std::int32_t)));
    return;
  }
  std::vector<double> cells(column.size());
  column.copy_numbers(std::span<double>(cells));
  const std::int64_t header[] = {0, 0};
  out.write(reinterpret_cast<const char*>(header), sizeof header);
  out.write(reinterpret_cast<const char*>(cells.data()),
            static_cast<std::streamsize>(cells.size() * sizeof(double)));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6) return 2;
  std::ifstream in(argv[1], std::ios::binary);
  const auto n = static_cast<std::size_t>(read<std::int64_t>(in));
  const auto n_columns = read<std::int64_t>(in), n_classes = read<std::int64_t>(in);
  data::Frame x;
  for (std::int64_t c = 0; c < n_columns; ++c) x.add("x" + std::to_string(c), read_column(in, n));
  std::vector<double> y(n);
  in.read(reinterpret_cast<char*>(y.data()), static_cast<std::streamsize>(n * sizeof(double)));
  const data::TargetView target{data::Task::kBinary, y, {}, static_cast<std::size_t>(n_classes)};
  std::vector<std::uint32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0U);

  ThreadPool pool(static_cast<std::size_t>(std::atoi(argv[3])));
  Context context;
  context.pool = &pool;
  context.n_threads = pool.n_threads();
  const auto plan = transform::Recipe::from_json(nlohmann::json::parse(std::string(argv[5])));
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts here
  const double before = status_bytes("VmRSS:");
  double best = 1e9, best_cpu = 1e9;
  data::Frame made;
  for (int i = 0; i < std::atoi(argv[4]); ++i) {
    made = {};
    auto recipe = plan;
    const double start = seconds(), start_cpu = cpu_seconds();
    made = recipe.fit_transform(x, rows, target, context);
    best = std::min(best, seconds() - start);
    best_cpu = std::min(best_cpu, cpu_seconds() - start_cpu);
  }
  std::printf("{\"s\": %.6f, \"cpu_s\": %.6f, \"peak_mb\": %.1f}\n", best, best_cpu,
              (status_bytes("VmHWM:") - before) / 1e6);
  std::ofstream out(argv[2], std::ios::binary);
  for (std::size_t c = 0; c < made.n_columns(); ++c) write_column(out, made.column(c));
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return exit_code(error.code());
}
