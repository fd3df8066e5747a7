// Fits one learner on a table that forest_vs_sklearn.py wrote and prints the seconds; predictions go to a file.
// learner_bench DATA PREDICTIONS N_THREADS LEARNER [name=value]...
#include <cstdio>
#include <ctime>
#include <fstream>
#include <numeric>

#include "kolosal/model/estimator.hpp"

using namespace kolosal;

namespace {

template <typename T>
T read(std::ifstream& in) {
  T value{};
  in.read(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

std::vector<double> read_doubles(std::ifstream& in, std::size_t n) {
  std::vector<double> out(n);
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(n * sizeof(double)));
  return out;
}

data::Column read_column(std::ifstream& in, std::size_t n) {
  const auto n_levels = read<std::int64_t>(in);
  std::vector<double> values = read_doubles(in, n);
  if (n_levels == 0) return data::Column::from_float64(std::move(values));
  std::vector<std::string> levels;
  for (std::int64_t i = 0; i < n_levels; ++i) levels.push_back(std::to_string(i));
  return data::Column::from_category({values.begin(), values.end()}, std::make_shared<data::Dictionary>(std::move(levels)));
}

// CPU seconds: the machine may be busy with other work.
double cpu_s() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

ParamMap read_params(int argc, char** argv) {
  ParamMap out;
  for (int i = 5; i < argc; ++i) {
    const std::string text = argv[i];
    out[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) return 2;
  std::ifstream in(argv[1], std::ios::binary);
  const auto n = static_cast<std::size_t>(read<std::int64_t>(in)), n_train = static_cast<std::size_t>(read<std::int64_t>(in));
  const auto n_columns = read<std::int64_t>(in), n_classes = read<std::int64_t>(in);
  data::Frame x;
  for (std::int64_t c = 0; c < n_columns; ++c) x.add("x" + std::to_string(c), read_column(in, n));
  const std::vector<double> y = read_doubles(in, n);
  const auto task = n_classes == 0 ? data::Task::kRegression : n_classes == 2 ? data::Task::kBinary : data::Task::kMulticlass;
  const model::TrainingData table{&x, {task, y, {}, static_cast<std::size_t>(n_classes)}};
  std::vector<std::uint32_t> train(n_train);
  std::iota(train.begin(), train.end(), 0U);

  ThreadPool pool(static_cast<std::size_t>(std::atoi(argv[3])));
  Context context;
  context.pool = &pool;
  context.n_threads = pool.n_threads();
  const auto learner = model::make_estimator(argv[4], read_params(argc, argv));
  const double start = cpu_s();
  const auto prepared = learner->prepare(table, context);
  const double ready = cpu_s();
  const auto report = learner->fit(table, prepared.get(), {train, {}}, context);
  const double fitted = cpu_s();
  std::vector<double> prediction((n - n_train) * learner->n_outputs());
  learner->predict(x.slice(n_train, n - n_train), prediction, context);
  const double end = cpu_s();
  std::printf("{\"prepare_s\": %.4f, \"fit_s\": %.4f, \"predict_s\": %.4f, \"rounds\": %zu, \"note\": \"%s\"}\n", ready - start,
              fitted - ready, end - fitted, report.n_rounds, report.note.c_str());
  std::ofstream(argv[2], std::ios::binary)
      .write(reinterpret_cast<const char*>(prediction.data()), static_cast<std::streamsize>(prediction.size() * sizeof(double)));
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return exit_code(error.code());
}
