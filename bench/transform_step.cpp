// Fits one transformer on float64 columns that a driver wrote, transforms the same rows, and prints the seconds.
// transform_step DATA OUT N_THREADS STEP [name=value]...     OUT: the made columns, one after the other; - writes none
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <numeric>

#include "kolosal/transform/transformer.hpp"

using namespace kolosal;

namespace {

data::Frame read_table(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::int64_t size[2];
  in.read(reinterpret_cast<char*>(size), sizeof size);
  data::Frame out;
  for (std::int64_t c = 0; c < size[1]; ++c) {
    std::vector<double> cells(static_cast<std::size_t>(size[0]));
    in.read(reinterpret_cast<char*>(cells.data()), static_cast<std::streamsize>(cells.size() * sizeof(double)));
    out.add("x" + std::to_string(c), data::Column::from_float64(std::move(cells)));
  }
  return out;
}

ParamMap read_params(int argc, char** argv) {
  ParamMap out;
  for (int i = 5; i < argc; ++i) {
    const std::string text = argv[i];
    out[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  return out;
}

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) return 2;
  const data::Frame x = read_table(argv[1]);
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  ThreadPool pool(static_cast<std::size_t>(std::atoi(argv[3])));
  Context context;
  context.pool = &pool;
  context.n_threads = pool.n_threads();
  const auto step = transform::make_transformer(argv[4], read_params(argc, argv));
  const std::clock_t begun = std::clock();
  const double start = now_s();
  step->fit(x, rows, {}, x.names(), context);
  const double fitted = now_s();
  const data::Frame made = step->transform(x, context);
  const double end = now_s();
  const double cpu_s = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"fit_s\": %.4f, \"transform_s\": %.4f, \"cpu_s\": %.4f, \"peak_mb\": %.1f}\n", fitted - start, end - fitted, cpu_s,
              static_cast<double>(usage.ru_maxrss) / 1024);
  if (std::string(argv[2]) == "-") return 0;
  std::ofstream out(argv[2], std::ios::binary);
  for (std::size_t c = 0; c < made.n_columns(); ++c) {
    std::vector<double> cells(made.n_rows());
    made.column(c).copy_numbers(std::span<double>(cells));
    out.write(reinterpret_cast<const char*>(cells.data()), static_cast<std::streamsize>(cells.size() * sizeof(double)));
  }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return exit_code(error.code());
}
