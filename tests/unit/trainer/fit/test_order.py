import numpy as np

from trainer.fit.order import Order, difference


def test_difference_takes_trend_and_season() -> None:
    order = Order(p=0, d=1, q=0, seasonal_d=1, season=4)
    values = np.arange(20.0) * 2 + np.tile([1, 5, 2, 8], 5)
    np.testing.assert_allclose(difference(values, order), np.zeros(15))
    assert order.lost == 5


def test_rows_of_a_matrix_are_differenced_each() -> None:
    matrix = np.array([[1.0, 4, 9, 16], [2, 2, 2, 5]])
    np.testing.assert_array_equal(
        difference(matrix, Order(p=0, d=1, q=0)), [[3.0, 5, 7], [0, 0, 3]]
    )


def test_order_is_written_as_in_textbooks() -> None:
    assert str(Order(p=2, d=0, q=2, has_constant=True)) == "(2,0,2) with constant"
    assert str(Order(p=1, d=1, q=0, has_constant=True)) == "(1,1,0) with drift"
    seasonal = Order(p=1, d=0, q=1, seasonal_p=1, seasonal_q=1, season=4)
    assert str(seasonal) == "(1,0,1)(1,0,1)[4]"
    assert (seasonal.lags, seasonal.coefficients) == (4, 4)
