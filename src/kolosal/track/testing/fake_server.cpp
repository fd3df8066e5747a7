#include "kolosal/track/testing/fake_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace kolosal::track {

FakeServer::FakeServer(Handler handler, int port) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 16) != 0)
    throw std::runtime_error(std::string("no server for the test: ") + std::strerror(errno));
  socklen_t size = sizeof address;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FakeServer::~FakeServer() {
  is_ended_ = true;
  thread_.join();
  close(listener_);
}

std::vector<FakeServer::Request> FakeServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void FakeServer::serve() {
  while (!is_ended_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, 20) <= 0) continue;
    const int connection = accept(listener_, nullptr, nullptr);
    if (connection < 0) continue;
    answer(connection);
    close(connection);
  }
}

void FakeServer::answer(int connection) {
  std::string text;
  std::size_t end_of_head = std::string::npos, n_body = 0;
  char piece[65536];
  while (end_of_head == std::string::npos || text.size() < end_of_head + 4 + n_body) {
    const ssize_t n = recv(connection, piece, sizeof piece, 0);
    if (n <= 0) return;
    text.append(piece, static_cast<std::size_t>(n));
    if (end_of_head != std::string::npos) continue;
    end_of_head = text.find("\r\n\r\n");
    if (end_of_head == std::string::npos) continue;
    if (const auto at = text.find("Content-Length: "); at < end_of_head)
      n_body = std::stoul(text.substr(at + 16));
  }
  Request request;
  request.head = text.substr(0, end_of_head);
  request.body = text.substr(end_of_head + 4);
  request.method = text.substr(0, text.find(' '));
  const auto start = request.method.size() + 1;
  request.target = text.substr(start, text.find(' ', start) - start);
  const Reply reply = handler_(request);
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }
  if (reply.status == 0) return;  // hangs up
  const std::string out = "HTTP/1.1 " + std::to_string(reply.status) +
                          " X\r\nContent-Length: " + std::to_string(reply.body.size()) +
                          "\r\nConnection: close\r\n\r\n" + reply.body;
  send(connection, out.data(), out.size(), MSG_NOSIGNAL);
}

}  // namespace kolosal::track
