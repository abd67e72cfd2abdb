using System.Net;
using Grpc.Core;
using ShopMesh.Basket.V1;
using Client = ShopMesh.Basket.V1.Basket.BasketClient;

[assembly: AssemblyFixture(typeof(ShopMesh.Basket.Tests.BasketShop))]

namespace ShopMesh.Basket.Tests;

public sealed class BasketShop() : RunningShop("catalog", "inventory", "basket");

public sealed class BasketTests(BasketShop shop) : IAsyncLifetime
{
    private Client _basket = null!;
    private Shopper _customer = null!;
    private string _customerId = "";

    public async ValueTask InitializeAsync()
    {
        _basket = new(await shop.CallAsync("basket"));
        _customer = await shop.CustomerAsync();
        _customerId = (string)(await _customer.GetAsync("/api/accounts/me"))["id"]!;
    }

    public ValueTask DisposeAsync()
    {
        _customer.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task An_order_takes_out_what_it_contains_once()
    {
        var (one, other) = (await shop.NewProductAsync(1), await shop.NewProductAsync(1));
        await _customer.PutInBasketAsync(one, 2);
        await _customer.PutInBasketAsync(other, 5);
        var order = Guid.NewGuid().ToString();

        await RemoveAsync(order, (one, 2), (other, 3));
        await RemoveAsync(order, (one, 2), (other, 3));

        Assert.Equal([(other, 2)], await ItemsAsync());
        await RemoveAsync(Guid.NewGuid().ToString(), (one, 2), (other, 3));
        Assert.Empty(await ItemsAsync());
    }

    [Fact]
    public async Task Orders_of_one_call_each_take_out_what_they_contain_once()
    {
        using var other = await shop.CustomerAsync();
        var otherId = (string)(await other.GetAsync("/api/accounts/me"))["id"]!;
        var product = await shop.NewProductAsync(1);
        await _customer.PutInBasketAsync(product, 10);
        await other.PutInBasketAsync(product, 10);
        var (first, second, theirs) = (Ordered(Guid.NewGuid().ToString(), (product, 2)), Ordered(Guid.NewGuid().ToString(), (product, 3)), Ordered(Guid.NewGuid().ToString(), (product, 10)));
        theirs.CustomerId = otherId;

        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => _basket.RemoveItemsAsync(new() { Orders = { i % 2 == 0 ? [first, theirs, second, first] : new[] { second, first, theirs } } }).ResponseAsync));

        var baskets = (await _basket.GetBasketsAsync(new() { CustomerIds = { otherId, _customerId, "nobody" } })).Baskets;
        Assert.Equal([0, 5, 0], baskets.Select(basket => basket.Items.Sum(item => item.Quantity)));
        Assert.DoesNotContain("deadlock", await shop.DatabaseLogAsync(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Another_customers_basket_is_left_alone()
    {
        using var other = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(1);
        await other.PutInBasketAsync(product, 2);

        await RemoveAsync(Guid.NewGuid().ToString(), (product, 2));

        Assert.Single((await other.GetAsync("/api/basket"))["items"]!.AsArray());
    }

    [Fact]
    public async Task The_price_is_the_catalogs_of_now_and_what_is_no_longer_sold_is_left_out()
    {
        var (kept, gone) = (await shop.NewProductAsync(1, "10.00"), await shop.NewProductAsync(1, "99.00"));
        await _customer.PutInBasketAsync(kept, 3);
        await _customer.PutInBasketAsync(gone, 1);
        using var changed = await shop.Admin.PutAsync($"/api/catalog/products/{kept}", RunningShop.AProduct("Dearer", "12.34"));
        using var deleted = await shop.Admin.SendAsync(HttpMethod.Delete, $"/api/catalog/products/{gone}");
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.NoContent), (changed.StatusCode, deleted.StatusCode));

        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(3), async () =>
        {
            var basket = await _customer.GetAsync("/api/basket");
            return basket["items"]!.AsArray() is [var item] && (string)item!["name"]! == "Dearer" && item["lineTotal"]!.Amount() == 37.02m && basket["total"]!.Amount() == 37.02m;
        });
    }

    [Fact]
    public async Task Changes_at_the_same_moment_are_each_answered_with_the_basket_that_they_made()
    {
        using var other = await shop.CustomerAsync();
        List<string> products = [await shop.NewProductAsync(1), await shop.NewProductAsync(1), await shop.NewProductAsync(1)];

        await Task.WhenAll(
            from customer in (Shopper[])[_customer, other]
            from product in products
            from quantity in Enumerable.Range(1, 10)
            select SetAsync(customer, product, quantity));

        foreach (var customer in (Shopper[])[_customer, other])
            Assert.Equal(products.Order(), (await customer.GetAsync("/api/basket"))["items"]!.AsArray().Select(item => (string)item!["productId"]!).Order());
        Assert.DoesNotContain("deadlock", await shop.DatabaseLogAsync(), StringComparison.OrdinalIgnoreCase);

        static async Task SetAsync(Shopper customer, string product, int quantity)
        {
            using var response = await customer.PutAsync($"/api/basket/items/{product}", new { quantity });
            var items = (await response.ReadAsync())!["items"]!.AsArray();
            Assert.Equal(quantity, (int)items.Single(item => (string)item!["productId"]! == product)!["quantity"]!);
        }
    }

    [Fact]
    public async Task A_basket_holds_100_products_at_most()
    {
        var ids = (await _customer.GetAsync("/api/catalog/products?limit=100"))["items"]!.AsArray().Select(product => (string)product!["id"]!).ToList();
        await Task.WhenAll(ids.Select(id => _customer.PutInBasketAsync(id, 1)));
        Assert.Equal(100, (await ItemsAsync()).Count);

        using var onTop = await _customer.PutAsync($"/api/basket/items/{await shop.NewProductAsync(1)}", new { quantity = 1 });

        await onTop.ShouldBeProblemAsync(HttpStatusCode.UnprocessableEntity);
        await _customer.PutInBasketAsync(ids[0], 7);
    }

    [Theory]
    [InlineData("""{"quantity": 0}""")]
    [InlineData("""{"quantity": 101}""")]
    [InlineData("""{"quantity": -1}""")]
    [InlineData("""{"quantity": 1.5}""")]
    [InlineData("""{"quantity": "1"}""")]
    [InlineData("""{"quantity": null}""")]
    [InlineData("""{"quantity": 99999999999}""")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("null")]
    public async Task A_quantity_is_an_integer_from_1_to_100(string body)
    {
        using var response = await _customer.PutAsync($"/api/basket/items/{await shop.NewProductAsync(1)}", body);

        await response.ShouldBeProblemAsync(HttpStatusCode.BadRequest);
        Assert.Empty(await ItemsAsync());
    }

    [Fact]
    public async Task What_makes_no_sense_is_refused()
    {
        foreach (var (order, quantity) in new[] { ("", 1), ("o", 0), ("o", -1) })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(() => RemoveAsync(order, ("p", quantity)));
            Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        }
    }

    private RemoveItemsRequest.Types.Order Ordered(string order, params IEnumerable<(string Product, int Quantity)> items) => new()
    {
        CustomerId = _customerId,
        OrderId = order,
        Items = { items.Select(item => new Item { ProductId = item.Product, Quantity = item.Quantity }) },
    };

    private async Task RemoveAsync(string order, params IEnumerable<(string Product, int Quantity)> items) => await _basket.RemoveItemsAsync(new() { Orders = { Ordered(order, items) } });

    private async Task<List<(string Product, int Quantity)>> ItemsAsync() =>
        [.. Assert.Single((await _basket.GetBasketsAsync(new() { CustomerIds = { _customerId } })).Baskets).Items.Select(item => (item.ProductId, item.Quantity))];
}
