// The load generator: keep-alive connections that each have one request under way, on one thread.
//
// Bodies are dropped in the kernel (MSG_TRUNC), so a byte costs it next to nothing and the server
// is the one that saturates. What the server uses is read from its CPU-time clock, the counter that
// /proc/<pid>/stat rounds to ticks; the ticks are printed beside it.
//
// It never sleeps. A client that sleeps is woken by the server's write, which costs a server in a
// virtual machine up to as much as the request, the more often the slower the server is, and which no
// client on a network makes it pay.
//
//   load <port> <connections> <seconds> <least answers> <most seconds>
//        <warm-up answers> <most seconds> <file> <pid>…
//
// The file holds the requests to go through: "<length> <status> <content length or -1>\n<request>".

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_SIZE = 16384, DROP_SIZE = 1 << 26, MOST_FAILURES = 20, MOST_PIDS = 64 };

typedef struct {
  char *text;
  size_t length;
  int status;
  long long content;
} Request;

typedef struct {
  int fd;
  const Request *request;
  size_t sent, have;
  long long left;  // of the body; -1 while the head is read
  int closing;
  double since;
  char head[HEAD_SIZE];
} Connection;

static Request *requests;
static size_t requestCount, nextRequest;
static int poller, port;
static long long bytes, answers, failures, reconnects;
static uint32_t *latencies;
static size_t latencyCount, latencyRoom;
static int measuring;
static char failure[256];
static pid_t pids[MOST_PIDS];
static int pidCount;

static void die(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double seconds(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time)) die("clock_gettime");
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double now(void) { return seconds(CLOCK_MONOTONIC); }

static double serverCpu(void) {
  double sum = 0;
  for (int i = 0; i < pidCount; i++) {
    clockid_t clock;
    if (clock_getcpuclockid(pids[i], &clock)) die("clock_getcpuclockid");
    sum += seconds(clock);
  }
  return sum;
}

/** utime + stime of /proc/<pid>/stat. */
static double serverTicks(void) {
  unsigned long long sum = 0;
  for (int i = 0; i < pidCount; i++) {
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pids[i]);
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    unsigned long long user = 0, system = 0;
    const char *rest = strrchr(text, ')');
    if (!rest) die(path);
    sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
    sum += user + system;
  }
  return (double)sum / (double)sysconf(_SC_CLK_TCK);
}

static void readRequests(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) die(path);
  size_t length, room = 0;
  int status;
  long long content;
  while (fscanf(file, "%zu %d %lld", &length, &status, &content) == 3) {
    if (requestCount == room) {
      requests = realloc(requests, (room = room * 2 + 64) * sizeof *requests);
      if (!requests) die("realloc");
    }
    char *text = malloc(length);
    if (!text || fgetc(file) != '\n' || fread(text, 1, length, file) != length) die(path);
    requests[requestCount++] = (Request){text, length, status, content};
  }
  fclose(file);
  if (requestCount == 0) die("no requests");
}

static void fail(const char *what, long long got) {
  if (failures++ == 0) snprintf(failure, sizeof failure, "%s %lld", what, got);
  if (failures >= MOST_FAILURES) {
    fprintf(stderr, "load: %s, and %lld failures in all\n", failure, failures);
    exit(1);
  }
}

static void await(Connection *connection, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(poller, operation, connection->fd, &event)) die("epoll_ctl");
}

static void sendRequest(Connection *connection) {
  const Request *request = connection->request;
  const int wasPartial = connection->sent > 0;
  while (connection->sent < request->length) {
    ssize_t count = send(connection->fd, request->text + connection->sent,
                         request->length - connection->sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) return await(connection, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    // The server has closed: the read will tell.
    if (count < 0) break;
    connection->sent += (size_t)count;
  }
  if (wasPartial) await(connection, EPOLLIN, EPOLL_CTL_MOD);
}

static void begin(Connection *connection) {
  connection->request = &requests[nextRequest++ % requestCount];
  connection->sent = connection->have = 0;
  connection->left = -1;
  connection->closing = 0;
  connection->since = now();
  sendRequest(connection);
}

static void openConnection(Connection *connection) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  connection->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connection->fd < 0) die("socket");
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address)) die("connect");
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  await(connection, EPOLLIN, EPOLL_CTL_ADD);
}

static void reopen(Connection *connection) {
  close(connection->fd);
  openConnection(connection);
  begin(connection);
}

static void finish(Connection *connection) {
  answers++;
  if (measuring) {
    if (latencyCount == latencyRoom) {
      latencies = realloc(latencies, (latencyRoom = latencyRoom * 2 + 4096) * sizeof *latencies);
      if (!latencies) die("realloc");
    }
    latencies[latencyCount++] = (uint32_t)((now() - connection->since) * 1e6);
  }
  if (connection->closing) {
    reconnects++;
    reopen(connection);
  } else {
    begin(connection);
  }
}

/** Reads the head that is there now; whether it was all. */
static int parseHead(Connection *connection) {
  connection->head[connection->have] = 0;
  char *end = strstr(connection->head, "\r\n\r\n");
  if (!end) {
    if (connection->have == HEAD_SIZE - 1) fail("the head is longer than", HEAD_SIZE);
    return 0;
  }
  const Request *request = connection->request;
  const int status = atoi(connection->head + 9);
  if (status != request->status) fail("unexpected status", status);
  long long content = status == 304 || status == 204 ? 0 : -1;
  char *line = strstr(connection->head, "\r\n");
  for (; line && line < end; line = strstr(line + 2, "\r\n")) {
    if (!strncasecmp(line + 2, "content-length:", 15) && content < 0) content = atoll(line + 17);
    if (!strncasecmp(line + 2, "connection: close", 17)) connection->closing = 1;
  }
  if (content < 0) fail("no Content-Length, status", status);
  if (request->content >= 0 && content != request->content) fail("unexpected length", content);
  connection->left = content - (long long)(connection->have - (size_t)(end + 4 - connection->head));
  if (connection->left < 0) fail("too many bytes", -connection->left);
  return 1;
}

static void onReadable(Connection *connection) {
  ssize_t count;
  if (connection->left < 0) {
    count = recv(connection->fd, connection->head + connection->have,
                 HEAD_SIZE - 1 - connection->have, MSG_DONTWAIT);
  } else {
    size_t most = connection->left < DROP_SIZE ? (size_t)connection->left : DROP_SIZE;
    count = recv(connection->fd, NULL, most, MSG_DONTWAIT | MSG_TRUNC);
  }
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    // A server may close an idle connection as we send: only bytes that went missing are a failure.
    if (connection->have > 0) fail("the connection ended early, missing", connection->left);
    reconnects++;
    return reopen(connection);
  }
  bytes += count;
  if (connection->left >= 0) {
    connection->left -= count;
  } else {
    connection->have += (size_t)count;
    if (!parseHead(connection)) return;
  }
  if (connection->left == 0) finish(connection);
}

static int ascending(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static double percentile(double part) {
  if (latencyCount == 0) return 0;
  size_t index = (size_t)((double)latencyCount * part);
  return latencies[index < latencyCount ? index : latencyCount - 1] / 1e3;
}

int main(int count, char **words) {
  if (count < 10) {
    fprintf(stderr, "load: see the head of load.c\n");
    return 2;
  }
  port = atoi(words[1]);
  const int connectionCount = atoi(words[2]);
  const double wanted = atof(words[3]);
  const long long least = atoll(words[4]);
  const double most = atof(words[5]);
  const long long warmUp = atoll(words[6]);
  const double mostWarmUp = atof(words[7]);
  readRequests(words[8]);
  for (int i = 9; i < count && pidCount < MOST_PIDS; i++) pids[pidCount++] = atoi(words[i]);

  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  poller = epoll_create1(0);
  if (poller < 0) die("epoll_create1");
  Connection *connections = calloc((size_t)connectionCount, sizeof *connections);
  if (!connections) die("calloc");
  for (int i = 0; i < connectionCount; i++) openConnection(&connections[i]);
  for (int i = 0; i < connectionCount; i++) begin(&connections[i]);

  const double started = now();
  const int patience = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 0 : 20;
  double from = 0, cpu = 0, ticks = 0, own = 0, idle = 0;
  for (;;) {
    struct epoll_event events[256];
    const double asked = now();
    int ready = epoll_wait(poller, events, 256, patience);
    if (ready < 0 && errno != EINTR) die("epoll_wait");
    if (ready == 0 && patience == 0) idle += now() - asked;
    for (int i = 0; i < ready; i++) {
      Connection *connection = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) sendRequest(connection);
      if (events[i].events & ~(uint32_t)EPOLLOUT) onReadable(connection);
    }
    const double time = now();
    if (!measuring && (answers >= warmUp || time - started > mostWarmUp)) {
      measuring = 1;
      answers = bytes = 0;
      ticks = serverTicks();
      cpu = serverCpu();
      own = seconds(CLOCK_PROCESS_CPUTIME_ID);
      idle = 0;
      from = now();
    } else if (measuring) {
      const double elapsed = time - from;
      if ((elapsed >= wanted && answers >= least) || elapsed >= most) break;
    }
  }
  const double elapsed = now() - from;
  own = seconds(CLOCK_PROCESS_CPUTIME_ID) - own - idle;
  cpu = serverCpu() - cpu;
  ticks = serverTicks() - ticks;
  qsort(latencies, latencyCount, sizeof *latencies, ascending);
  printf("{\"seconds\":%.6f,\"answers\":%lld,\"bytes\":%lld,\"cpu\":%.9f,\"ticks\":%.2f,"
         "\"generator\":%.6f,\"p50\":%.3f,\"p99\":%.3f,\"failures\":%lld,\"failure\":\"%s\","
         "\"reconnects\":%lld}\n",
         elapsed, answers, bytes, cpu, ticks, own, percentile(0.5), percentile(0.99), failures,
         failure, reconnects);
  return 0;
}
