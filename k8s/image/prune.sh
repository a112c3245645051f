#!/bin/sh
# prune.sh VENV: removes from the image's environment what the bot never imports.
set -eu
packages=$(echo "$1"/lib/python3*/site-packages)
cd "$packages"

# Of the Kubernetes client the asynchronous half alone is loaded (bot/adapters/kubernetes/loading.py).
for part in client config dynamic informer leaderelection stream test utils watch; do
    rm -rf "kubernetes/$part"
done
# Of Arrow: Parquet and CSV, read in batches. Not its network services, nor what C++ is built against.
rm -rf pyarrow/include pyarrow/src pyarrow/tests
rm -f pyarrow/libarrow_flight* pyarrow/libarrow_python_flight* pyarrow/_flight* pyarrow/libgandiva* \
    pyarrow/gandiva* pyarrow/_pyarrow_cpp_tests*
rm -rf numpy/_core/include numpy/_core/lib/pkgconfig
find . -type d -name tests -prune -exec rm -rf {} +
find . -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.c' -o -name '*.h' -o -name '*.a' \) -delete
find . -type d -name __pycache__ -prune -exec rm -rf {} +
rm -f "$1/.lock"  # uv's own, writable for everybody
