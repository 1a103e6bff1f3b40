#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The blocks of docs/pytorch_weights.md as they stand: train in PyTorch, import, predict, and back.
#     pytorch_weights.sh SOURCE HAR FOLDER
set -euo pipefail
source=$1 har=$2 folder=$3
if ! /usr/bin/python3 -c "import torch" 2>/dev/null; then
    echo "skipped: PyTorch (Debian package python3-torch) is not installed"
    exit 77
fi
rm -rf "$folder"
mkdir -p "$folder/examples" "$folder/tests"
ln -s "$source/examples/torch" "$folder/examples/torch"
ln -s "$source/tests/reference" "$folder/tests/reference"
cd "$folder"
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 PATH="$(dirname "$har"):$PATH"

block() { # LANGUAGE NUMBER
    awk -v fence="\`\`\`$1" -v wanted="$2" '/^```/ { inside = $0 == fence && ++n == wanted; next } inside' \
        "$source/docs/pytorch_weights.md"
}
block python 1 >student.py
block sh 1 >commands.sh
block python 2 >back.py
/usr/bin/python3 student.py | tee said.txt
grep --quiet "^accuracy 0.9\|^accuracy 1.0" said.txt
bash -euo pipefail commands.sh | tee said.txt
grep --quiet "^loaded        features.stem.conv.weight = backbone.stem.conv.weight  F32 (16, 3, 3)$" said.txt
grep --quiet "^0,walk," said.txt
/usr/bin/python3 back.py

# The script's own command line, in half the bytes.
/usr/bin/python3 - <<'PYTHON'
import sys
sys.path.append("examples/torch")
import torch
from save_state_dict import load
weights = load("student_torch.safetensors")
torch.save({name: t for name, t in weights.items() if not name.startswith("selftest.")}, "student.pt")
PYTHON
for type in half bfloat16; do
    /usr/bin/python3 examples/torch/save_state_dict.py student.pt $type.safetensors --$type
    har import --config facts.toml --torch $type.safetensors --map names.map --preset har_student --out $type.model >said.txt
    grep --quiet "^loaded        classifier.bias = intuition.bias  B\?F16 (3)$" said.txt
    har predict --model $type.model --input walk.csv | grep --quiet "^0,walk,"
done
