using System.Net;

namespace ShopMesh.EndToEnd.Tests;

public sealed class ConcurrencyTests(WholeShop shop)
{
    [Fact]
    public async Task Of_200_buyers_for_the_last_10_pieces_10_get_one()
    {
        var product = await shop.NewProductAsync(onHand: 10);
        var buyers = new List<(Shopper Buyer, string Card)>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (_, _) =>
        {
            var buyer = await shop.CustomerAsync();
            await buyer.PutInBasketAsync(product, 1);
            var card = await buyer.TokeniseAsync();
            lock (buyers)
                buyers.Add((buyer, card));
        });

        var orders = await Task.WhenAll(buyers.Select(async b =>
        {
            using var response = await b.Buyer.PostOrderAsync(b.Card);
            Assert.Equal(HttpStatusCode.Created, response.StatusCode);
            return (b.Buyer, Order: (string)(await response.ReadAsync())!["id"]!);
        }));
        var ends = await Task.WhenAll(orders.Select(order => order.Buyer.UntilAsync(order.Order, "confirmed", "dispatched", "delivered", "rejected")));

        var rejected = ends.Where(end => (string)end["status"]! == "rejected").ToList();
        Assert.Equal((10, 190), (ends.Length - rejected.Count, rejected.Count));
        Assert.All(rejected, end => Assert.Equal("out_of_stock", (string)end["reason"]!));
        Assert.Equal((0, 0), await shop.StockAsync(product));
        var payments = await shop.PaymentsAsync();
        foreach (var end in rejected)
            Assert.False(payments.TryGetValue((string)end["id"]!, out var payment) && payment["captured"]!.Amount() + payment["authorized"]!.Amount() > 0);
        foreach (var (buyer, _) in buyers)
            buyer.Dispose();
    }

    [Fact]
    public async Task Eight_identical_orders_at_once_are_one_order_and_eight_times_the_same_answer()
    {
        using var customer = await shop.CustomerAsync();
        await customer.PutInBasketAsync(await shop.NewProductAsync(onHand: 100), 3);
        var card = await customer.TokeniseAsync();
        var key = Guid.NewGuid().ToString();

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var response = await customer.PostOrderAsync(card, key);
            return (response.StatusCode, Body: (await response.ReadAsync())!.ToJsonString(), response.Headers.Location);
        }));

        Assert.All(answers, answer => Assert.Equal((HttpStatusCode.Created, answers[0].Body, answers[0].Location), answer));
        Assert.Single((await customer.GetAsync("/api/orders"))["items"]!.AsArray());
    }

    [Fact]
    public async Task Concurrent_changes_of_a_basket_are_all_kept()
    {
        using var customer = await shop.CustomerAsync();
        var products = (await customer.GetAsync("/api/catalog/products?limit=40"))["items"]!.AsArray().Select(product => (string)product!["id"]!).ToList();

        await Task.WhenAll(products.Select((product, index) => customer.PutInBasketAsync(product, index + 1)));

        var items = (await customer.GetAsync("/api/basket"))["items"]!.AsArray().ToDictionary(item => (string)item!["productId"]!, item => (int)item!["quantity"]!);
        Assert.Equal(products.Select((product, index) => (product, index + 1)).Order(), items.Select(item => (item.Key, item.Value)).Order());
    }

    [Fact]
    public async Task Orders_over_the_same_products_in_any_order_do_not_deadlock()
    {
        var products = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => shop.NewProductAsync(onHand: 1000)));
        var buyers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => shop.CustomerAsync()));

        var orders = await Task.WhenAll(buyers.Select(async (buyer, index) =>
        {
            var shuffled = products.ToArray();
            new Random(index).Shuffle(shuffled);
            foreach (var product in shuffled)
                await buyer.PutInBasketAsync(product, 1);
            using var response = await buyer.PostOrderAsync(await buyer.TokeniseAsync());
            return (buyer, Order: (string)(await response.ReadAsync())!["id"]!);
        }));

        foreach (var (buyer, order) in orders)
        {
            await buyer.UntilAsync(order, "confirmed", "dispatched", "delivered");
            buyer.Dispose();
        }

        foreach (var product in products)
            Assert.Equal((988, 0), await shop.StockAsync(product));
        Assert.DoesNotContain("deadlock", await shop.DatabaseLogAsync(), StringComparison.OrdinalIgnoreCase);
    }
}
