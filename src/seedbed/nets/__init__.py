"""Networks: plain `torch.nn.Module`s that know nothing of data, training or each other."""
