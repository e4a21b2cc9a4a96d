#!/bin/bash
# usage: start-azurite.sh    Azurite's blob service alone, on loopback, in a temporary folder.
# Needs: npm install -g azurite (186 MB)
# Prints one JSON line when ready; stops on SIGTERM.
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/azurite-XXXXXX")
port=$(node -e "const s=require('net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})")
setpriv --pdeathsig TERM azurite-blob --silent --disableTelemetry --skipApiVersionCheck \
  --blobHost 127.0.0.1 --blobPort "$port" --location "$dir" >"$dir/log" 2>&1 &
child=$!
stop() { kill "$child" 2>/dev/null; wait "$child" 2>/dev/null; rm -rf "$dir"; exit 0; }
trap stop TERM INT
for _ in $(seq 600); do
  kill -0 "$child" 2>/dev/null || { cat "$dir/log" >&2; rm -rf "$dir"; exit 1; }
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.05
done
account=devstoreaccount1   # Azurite's published development account and key, no secret
key='Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
printf '{"kind":"azure-blob","engine":"azurite","endpoint":"http://127.0.0.1:%s/%s","port":%s,"accessKeyId":"%s","secretAccessKey":"%s","pid":%s}\n' "$port" "$account" "$port" "$account" "$key" "$$"
wait "$child"
stop
