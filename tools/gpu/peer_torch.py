"""What PyTorch does on this card with the shapes that Lathe is measured with: peer_torch.py ROWS.jsonl [--tiny]

A plain Llama in bf16 with random weights: decode by torch.compile with CUDA graphs over a static cache, prefill eager (its
products are cuBLAS's), causal attention by scaled_dot_product_attention, one square product. Medians by CUDA events. A row
of JSON each as soon as it is measured, the cheap ones first. Exit 3 where there is no PyTorch or it has no GPU.
"""
import json
import statistics
import sys

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as missing:
    sys.exit((print(f"there is no PyTorch: {missing}", file=sys.stderr), 3)[1])
if not torch.cuda.is_available():
    sys.exit((print("PyTorch finds no GPU", file=sys.stderr), 3)[1])

DEVICE, HALF = "cuda", torch.bfloat16
# layers, width, heads, heads of the cache, width of a head, width of the feed-forward, vocabulary
SHAPES = {"1B": (16, 2048, 32, 8, 64, 8192, 128256), "8B": (32, 4096, 32, 8, 128, 14336, 128256)}
CACHE, DEPTH = 1024, 128


def seconds(work, times):
    """The median of a call's time, after one that is not counted."""
    work()
    torch.cuda.synchronize()
    found = []
    for _ in range(times):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize()
        found.append(begin.elapsed_time(end) * 1e-3)
    return statistics.median(found)


class Layer(nn.Module):
    def __init__(self, width, heads, shared, size, inner):
        super().__init__()
        self.heads, self.shared, self.size = heads, shared, size
        self.before, self.between = nn.RMSNorm(width, 1e-5), nn.RMSNorm(width, 1e-5)
        self.qkv = nn.Linear(width, (heads + 2 * shared) * size, bias=False)
        self.output = nn.Linear(heads * size, width, bias=False)
        self.gate_up, self.down = nn.Linear(width, 2 * inner, bias=False), nn.Linear(inner, width, bias=False)

    def forward(self, x, position, cosine, sine, mask, keys, values):
        batch, rows, _ = x.shape
        parts = self.qkv(self.before(x)).split([self.heads * self.size, self.shared * self.size, self.shared * self.size], -1)
        q, k, v = (part.view(batch, rows, -1, self.size).transpose(1, 2) for part in parts)

        def turned(t):
            a, b = t.chunk(2, -1)
            return torch.cat((a * cosine - b * sine, b * cosine + a * sine), -1)

        q, k = turned(q), turned(k)
        keys[:, :, position] = k
        values[:, :, position] = v
        if mask is None:
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            seen = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask, enable_gqa=True)
        x = x + self.output(seen.transpose(1, 2).reshape(batch, rows, -1))
        gate, up = self.gate_up(self.between(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Llama(nn.Module):
    def __init__(self, layers, width, heads, shared, size, inner, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(Layer(width, heads, shared, size, inner) for _ in range(layers))
        self.norm, self.head = nn.RMSNorm(width, 1e-5), nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids, position, cosine, sine, mask, keys, values):
        x = self.embedding(ids)
        for layer, k, v in zip(self.layers, keys, values):
            x = layer(x, position, cosine[position], sine[position], mask, k, v)
        return self.head(self.norm(x[:, -1:])).argmax(-1)


class Peer:
    def __init__(self, path):
        self.out = open(path, "w", encoding="utf-8")

    def row(self, name, words, **numbers):
        print(words, flush=True)
        self.out.write(json.dumps({"name": name, "words": words, **numbers}) + "\n")
        self.out.flush()

    def products(self, size):
        a, b = (torch.randn(size, size, device=DEVICE, dtype=HALF) for _ in range(2))
        rate = 2 * size**3 / seconds(lambda: a @ b, 15)
        self.row("product", f"bf16 {size}^3: {rate / 1e12:.0f} TFLOP/s", rate=rate)

    def attention(self, rows, size):
        q = torch.randn(1, 32, rows, size, device=DEVICE, dtype=HALF)
        k, v = (torch.randn(1, 8, rows, size, device=DEVICE, dtype=HALF) for _ in range(2))
        took = seconds(lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True), 15)
        rate = 2 * 2 * 32 * rows * rows * size / 2 / took
        self.row("attention", f"causal attention, 32 heads over 8, {rows} x {size}: {1e6 * took:.0f} us, {rate / 1e12:.0f} TFLOP/s",
                 rate=rate)

    def model(self, name, shape):
        """The model with its rotations, on the card."""
        size = shape[4]
        torch.set_default_dtype(HALF)
        with torch.device(DEVICE):
            model = Llama(*shape)
        torch.set_default_dtype(torch.float32)
        angles = torch.outer(torch.arange(2048, device=DEVICE).float(), 5e5 ** -(torch.arange(0, size, 2, device=DEVICE) / size))
        return model, angles.cos().to(HALF), angles.sin().to(HALF)

    def caches(self, shape, batch, rows):
        return [[torch.zeros(batch, shape[3], rows, shape[4], dtype=HALF, device=DEVICE) for _ in range(shape[0])]
                for _ in range(2)]

    def prefill(self, name, shape, model, cosine, sine, rows):
        keys, values = self.caches(shape, 1, rows)
        ids, position = torch.zeros(1, rows, dtype=torch.long, device=DEVICE), torch.arange(rows, device=DEVICE)
        took = seconds(lambda: model(ids, position, cosine, sine, None, keys, values), 7)
        self.row(f"{name} prefill {rows}", f"{name} prefill of {rows}: {1e3 * took:.2f} ms, {rows / took:.0f} tokens/s", seconds=took)

    def decode(self, name, shape, model, cosine, sine, batch):
        keys, values = self.caches(shape, batch, CACHE)
        step = torch.compile(model, mode="reduce-overhead", fullgraph=True)
        ids = torch.zeros(batch, 1, dtype=torch.long, device=DEVICE)
        position = torch.tensor([DEPTH], device=DEVICE)
        mask = (torch.arange(CACHE, device=DEVICE) <= DEPTH)[None, None, None, :]
        for _ in range(3):
            step(ids, position, cosine, sine, mask, keys, values)
        took = seconds(lambda: step(ids, position, cosine, sine, mask, keys, values), 20)
        self.row(f"{name} decode {batch}", f"{name} decode of {batch}, {DEPTH} positions of {CACHE}: {1e6 * took:.0f} us a step, "
                                           f"{batch / took:.0f} tokens/s", seconds=took)


@torch.no_grad()
def main():
    peer = Peer(sys.argv[1])
    tiny = "--tiny" in sys.argv
    peer.products(256 if tiny else 4096)
    for rows, size in ((64, 64),) if tiny else ((2048, 128), (8192, 128), (2048, 64)):
        peer.attention(rows, size)
    shapes = {"tiny": (2, 128, 4, 2, 32, 256, 512)} if tiny else {name: SHAPES[name] for name in ("8B", "1B")}
    for name, shape in shapes.items():
        torch._dynamo.reset()
        model, cosine, sine = peer.model(name, shape)
        for rows in (512, 2048):
            peer.prefill(name, shape, model, cosine, sine, rows)
        for batch in (1, 16, 64) if name == "8B" else (1, 16):
            try:
                peer.decode(name, shape, model, cosine, sine, batch)
            except RuntimeError as failed:
                print(f"{name} decode of {batch}: {failed}", file=sys.stderr)
        del model
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
