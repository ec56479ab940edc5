"""How the losses of a step become gradients. All state is in parameters and buffers, so that trials resume."""
