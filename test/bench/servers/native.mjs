// nginx and Apache, if installed: how to start one that serves a folder.

import fs from 'node:fs'
import path from 'node:path'

const modules = [
  '/usr/lib/apache2/modules',
  '/usr/lib64/httpd/modules',
  '/usr/lib/httpd/modules',
  '/usr/libexec/apache2',
]

/** Each returns the command line, or `undefined` if the program is not installed. */
export const servers = {
  nginx({ folder, port, state }) {
    const program = find(['nginx'])
    if (!program) return
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    const config = write(path.join(state, `nginx-${port}.conf`), [
      'daemon off;',
      'master_process off;',
      `pid ${state}/nginx-${port}.pid;`,
      'worker_rlimit_nofile 8192;',
      'events { worker_connections 4096; }',
      'http {',
      'access_log off;',
      'sendfile on;',
      'default_type application/octet-stream;',
      'keepalive_requests 1000000000;',
      'large_client_header_buffers 4 256k;',
      ...temporary.map((name) => `${name}_temp_path ${state}/${name};`),
      `server { listen 127.0.0.1:${port} backlog=4096; root ${folder}; }`,
      '}',
    ])
    return [program, '-p', state, '-e', 'stderr', '-c', config]
  },

  apache({ folder, port, state }) {
    const program = find(['apache2', 'httpd'])
    const modulePath = modules.find((candidate) => fs.existsSync(candidate))
    if (!program || !modulePath) return
    const separate = path.join(modulePath, 'mod_unixd.so')
    const config = write(path.join(state, `apache-${port}.conf`), [
      `ServerRoot ${state}`,
      `PidFile ${state}/apache-${port}.pid`,
      'ServerName localhost',
      `Listen 127.0.0.1:${port}`,
      `LoadModule mpm_event_module ${modulePath}/mod_mpm_event.so`,
      `LoadModule authz_core_module ${modulePath}/mod_authz_core.so`,
      ...(fs.existsSync(separate) ? [`LoadModule unixd_module ${separate}`] : []),
      ...(process.getuid() === 0 ? ['User #65534', 'Group #65534'] : []),
      'StartServers 1',
      'ServerLimit 1',
      'ThreadLimit 64',
      'ThreadsPerChild 64',
      'MinSpareThreads 1',
      'MaxSpareThreads 64',
      'MaxRequestWorkers 64',
      'KeepAlive On',
      'KeepAliveTimeout 60',
      'MaxKeepAliveRequests 0',
      'EnableSendfile On',
      'LimitRequestFieldSize 262144',
      'LimitRequestLine 262144',
      'ErrorLog /dev/null',
      `DocumentRoot ${folder}`,
    ])
    return [program, '-f', config, '-D', 'FOREGROUND']
  },
}

/** The first of these programs that exists, even outside an ordinary user's PATH. */
export function find(names) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return names
    .flatMap((name) => folders.map((folder) => path.join(folder, name)))
    .find((candidate) => fs.existsSync(candidate))
}

function write(file, lines) {
  fs.writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}
