// Fits and applies one step on the texts of a file, one per line, and prints the seconds of each run.
// text_bench TEXTS N_THREADS N_RUNS STEP [name=value]...
#include <chrono>
#include <cstdio>
#include <fstream>
#include <numeric>

#include "kolosal/transform/transformer.hpp"

using namespace kolosal;

namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

data::Column read_texts(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::int64_t> offsets = {0};
  std::string bytes, line;
  while (std::getline(in, line)) {
    bytes += line;
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  return data::Column::from_text(std::move(offsets), std::move(bytes));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) return 2;
  const data::Frame x({"text"}, {read_texts(argv[1])});
  ParamMap params;
  for (int i = 5; i < argc; ++i) {
    const std::string text = argv[i];
    params[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  ThreadPool pool(static_cast<std::size_t>(std::atoi(argv[2])));
  Context context;
  context.pool = &pool;
  context.n_threads = pool.n_threads();
  for (int run = 0; run < std::atoi(argv[3]); ++run) {
    const auto step = transform::make_transformer(argv[4], params);
    const double start = seconds();
    const data::Frame train = step->fit_transform(x, rows, {}, {"text"}, context);
    const double fitted = seconds();
    const data::Frame later = step->transform(x, context);
    const double end = seconds();
    const auto cells = train.column(0).sparse();
    double sum = 0;
    for (auto i = cells.offsets.front(); i < cells.offsets.back(); ++i) sum += static_cast<double>(cells.values[i]);
    std::printf("{\"fit_transform_s\": %.5f, \"transform_s\": %.5f, \"width\": %d, \"cells\": %lld, \"sum\": %.6f}\n",
                fitted - start, end - fitted, cells.width,
                static_cast<long long>(cells.offsets.back() - cells.offsets.front()), sum);
  }
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
