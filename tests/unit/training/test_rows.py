import torch

from kakehashi.training.optimizer import RowAdam


def gradient(rows, width):
    values = torch.randn(len(rows), width)
    return torch.sparse_coo_tensor([rows], values, (6, width), check_invariants=True).coalesce()


def test_it_is_sparse_adam_to_the_bit_and_goes_on_where_it_stopped():
    torch.manual_seed(0)
    ours = [torch.randn(6, width, requires_grad=True) for width in (5, 3)]
    reference = [weight.detach().clone().requires_grad_() for weight in ours]
    row_adam, adam = RowAdam(ours, 0.1), torch.optim.SparseAdam(reference, lr=0.1)
    for touched in ([0, 2, 5], None), ([2], [1]), ([1, 2, 3], [1, 4]), (None, [0]):
        for one, other, rows in zip(ours, reference, touched, strict=True):
            one.grad = other.grad = None if rows is None else gradient(rows, one.shape[1])
        row_adam.step()
        adam.step()
        again = RowAdam(ours, 0.1)
        again.restore({name: value.clone() for name, value in row_adam.state().items()})
        row_adam = again
    for one, other in zip(ours, reference, strict=True):
        assert torch.equal(one, other)
