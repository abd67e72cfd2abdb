using System.Net;
using Grpc.Core;
using Npgsql;
using ShopMesh.Payment.V1;
using Authorized = ShopMesh.Payment.V1.AuthorizeResponse.Types.Outcome;
using Captured = ShopMesh.Payment.V1.CaptureResponse.Types.Outcome;
using Client = ShopMesh.Payment.V1.Payment.PaymentClient;
using Refunded = ShopMesh.Payment.V1.RefundResponse.Types.Outcome;
using Voided = ShopMesh.Payment.V1.VoidResponse.Types.Outcome;

[assembly: AssemblyFixture(typeof(ShopMesh.Payment.Tests.PaymentShop))]

namespace ShopMesh.Payment.Tests;

public sealed class PaymentShop() : RunningShop("payment");

public sealed class PaymentTests(PaymentShop shop) : IAsyncLifetime
{
    private Client _payment = null!;
    private Shopper _customer = null!;
    private string _customerId = "";

    public async ValueTask InitializeAsync()
    {
        _payment = new(await shop.CallAsync("payment"));
        _customer = await shop.CustomerAsync();
        _customerId = (string)(await _customer.GetAsync("/api/accounts/me"))["id"]!;
    }

    public ValueTask DisposeAsync()
    {
        _customer.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Money_is_held_then_taken_then_given_back_each_once()
    {
        var (order, card) = (Order(), await _customer.TokeniseAsync());

        Assert.Equal(Authorized.Authorized, await AuthorizeAsync(order, card));
        Assert.Equal(Authorized.Authorized, await AuthorizeAsync(order, card));
        Assert.Equal((12.34m, 0m, 0m), await BooksAsync(order));
        Assert.Equal(Captured.Captured, await CaptureAsync(order));
        Assert.Equal(Captured.Captured, await CaptureAsync(order));
        Assert.Equal((0m, 12.34m, 0m), await BooksAsync(order));
        Assert.Equal(Voided.Captured, await VoidAsync(order));
        Assert.Equal([Refunded.Refunded, Refunded.Refunded], (await _payment.RefundAsync(new() { OrderIds = { order, order } })).Outcomes);
        Assert.Equal([Refunded.Refunded], (await _payment.RefundAsync(new() { OrderIds = { order } })).Outcomes);
        Assert.Equal((0m, 12.34m, 12.34m), await BooksAsync(order));
    }

    [Fact]
    public async Task An_authorisation_that_is_voided_cannot_be_captured_nor_made_again()
    {
        var (order, card) = (Order(), await _customer.TokeniseAsync());
        await AuthorizeAsync(order, card);

        Assert.Equal(Voided.Voided, await VoidAsync(order));
        Assert.Equal(Voided.Voided, await VoidAsync(order));

        Assert.Equal(Captured.Refused, await CaptureAsync(order));
        Assert.Equal(Authorized.Voided, await AuthorizeAsync(order, card));
        Assert.Equal((0m, 0m, 0m), await BooksAsync(order));
    }

    [Fact]
    public async Task An_authorisation_that_arrives_after_its_void_is_refused()
    {
        var order = Order();
        await VoidAsync(order);

        Assert.Equal(Authorized.Voided, await AuthorizeAsync(order, await _customer.TokeniseAsync()));
    }

    [Theory]
    [InlineData(Shopper.DeclinedCard)]
    [InlineData(Shopper.CardWithoutFunds)]
    public async Task A_declined_card_stays_declined_for_the_order(string number)
    {
        var order = Order();

        Assert.Equal(Authorized.Declined, await AuthorizeAsync(order, await _customer.TokeniseAsync(number)));
        Assert.Equal(Authorized.Declined, await AuthorizeAsync(order, await _customer.TokeniseAsync()));
        Assert.Equal(Captured.Refused, await CaptureAsync(order));
    }

    [Fact]
    public async Task A_card_that_asks_to_try_again_does_so_twice_per_order()
    {
        var card = await _customer.TokeniseAsync(Shopper.CardToTryAgain);
        foreach (var order in new[] { Order(), Order() })
        {
            Assert.Equal(Authorized.TryAgain, await AuthorizeAsync(order, card));
            Assert.Equal(Authorized.TryAgain, await AuthorizeAsync(order, card));
            Assert.Equal(Authorized.Authorized, await AuthorizeAsync(order, card));
        }
    }

    [Fact]
    public async Task A_token_is_its_owners()
    {
        using var other = await shop.CustomerAsync();
        var theirs = await other.TokeniseAsync();

        var asked = (await _payment.GetTokensAsync(new()
        {
            Tokens =
            {
                new[] { theirs, await _customer.TokeniseAsync(), "no-such-token" }.Select(token => new GetTokensRequest.Types.CustomerToken { Token = token, CustomerId = _customerId }),
            },
        })).Results;

        Assert.Equal([null, ("visa", "4242"), null], asked.Select(result => result.Card is { } card ? (card.Brand, card.Last4) : default((string, string)?)));
        Assert.Equal(Authorized.Declined, await AuthorizeAsync(Order(), theirs));
    }

    [Fact]
    public async Task Of_a_capture_and_a_void_at_once_one_wins()
    {
        var card = await _customer.TokeniseAsync();
        await Task.WhenAll(Enumerable.Range(0, 30).Select(async _ =>
        {
            var order = Order();
            await AuthorizeAsync(order, card);
            var (capture, @void) = (CaptureAsync(order), VoidAsync(order));
            Assert.Equal(await capture is Captured.Captured ? Voided.Captured : Voided.Voided, await @void);
        }));
    }

    [Fact]
    public async Task Orders_of_one_call_are_each_answered_at_their_place()
    {
        var (good, bad) = (await _customer.TokeniseAsync(), await _customer.TokeniseAsync(Shopper.DeclinedCard));
        var (paid, declined, voided, asking) = (Order(), Order(), Order(), Order());
        var moody = await _customer.TokeniseAsync(Shopper.CardToTryAgain);
        await VoidAsync(voided);

        var authorized = (await _payment.AuthorizeAsync(new() { Orders = { Wanted(voided, good), Wanted(paid, good), Wanted(declined, bad), Wanted(asking, moody), Wanted(paid, good) } })).Results;
        var captured = (await _payment.CaptureAsync(new() { OrderIds = { declined, paid, Order(), paid, asking } })).Outcomes;
        var refunded = (await _payment.RefundAsync(new() { OrderIds = { declined, paid } })).Outcomes;

        Assert.Equal([Authorized.Voided, Authorized.Authorized, Authorized.Declined, Authorized.TryAgain, Authorized.Authorized], authorized.Select(result => result.Outcome));
        Assert.Equal([Captured.Refused, Captured.Captured, Captured.Refused, Captured.Captured, Captured.Refused], captured);
        Assert.Equal([Refunded.NothingCaptured, Refunded.Refunded], refunded);
        Assert.Equal((0m, 12.34m, 12.34m), await BooksAsync(paid));
    }

    [Fact]
    public async Task The_same_orders_in_many_calls_at_once_are_paid_once()
    {
        var (card, orders) = (await _customer.TokeniseAsync(), Enumerable.Range(0, 20).Select(_ => Order()).ToArray());

        await Task.WhenAll(Enumerable.Range(0, 10).Select(async seed =>
        {
            var (random, mine) = (new Random(seed), orders.ToArray());
            random.Shuffle(mine);
            Assert.All((await _payment.AuthorizeAsync(new() { Orders = { mine.Select(order => Wanted(order, card)) } })).Results, result => Assert.Equal(Authorized.Authorized, result.Outcome));
            random.Shuffle(mine);
            Assert.All((await _payment.CaptureAsync(new() { OrderIds = { mine } })).Outcomes, outcome => Assert.Equal(Captured.Captured, outcome));
        }));

        foreach (var order in orders)
            Assert.Equal((0m, 12.34m, 0m), await BooksAsync(order));
        Assert.DoesNotContain("deadlock", await shop.DatabaseLogAsync(), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("4242 4242 4242 4243", "12/30", "123", "A", "number")]
    [InlineData("", "12/30", "123", "A", "number")]
    [InlineData("4242 4242 4242 4242", "01/20", "123", "A", "expiry")]
    [InlineData("4242 4242 4242 4242", "13/30", "123", "A", "expiry")]
    [InlineData("4242 4242 4242 4242", "12/30", "12", "A", "cvc")]
    [InlineData("4242 4242 4242 4242", "12/30", "abc", "A", "cvc")]
    [InlineData("4242 4242 4242 4242", "12/30", "123", "", "holder")]
    public async Task A_bad_card_is_refused_field_by_field(string number, string expiry, string cvc, string holder, string field)
    {
        using var response = await _customer.PostAsync("/api/payments/tokens", new { number, expiry, cvc, holder });

        var problem = await response.ShouldBeProblemAsync(HttpStatusCode.BadRequest);
        Assert.Equal([field], problem["errors"]!.AsObject().Select(error => error.Key));
    }

    [Theory]
    [InlineData("4242424242424242", "visa")]
    [InlineData("5555 5555 5555 4444", "mastercard")]
    [InlineData("3782 822463 10005", "amex")]
    public async Task The_brand_is_told_by_the_number(string number, string brand)
    {
        using var response = await _customer.PostAsync("/api/payments/tokens", new { number, expiry = "12/30", cvc = brand is "amex" ? "1234" : "123", holder = "A" });

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal((brand, number[^4..]), await TokenAsync(response));
    }

    [Fact]
    public async Task A_card_number_is_nowhere_in_the_database_nor_in_a_log()
    {
        await AuthorizeAsync(Order(), await _customer.TokeniseAsync("5105 1051 0510 5100"));
        using var bad = await _customer.PostAsync("/api/payments/tokens", new { number = "5105 1051 0510 5101", expiry = "12/30", cvc = "987", holder = "A" });

        await using var database = NpgsqlDataSource.Create(shop.Processes.Database("payment"));
        List<string> rows = [];
        foreach (var table in new[] { "payment_tokens", "payments" })
        {
            await using var command = database.CreateCommand($"SELECT t::text FROM {table} t");
            await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
            while (await reader.ReadAsync(TestContext.Current.CancellationToken))
                rows.Add(reader.GetString(0));
        }

        var logs = await Task.WhenAll(shop.Processes.Processes.Select(process => File.ReadAllTextAsync(process.LogFile, TestContext.Current.CancellationToken)));
        Assert.NotEmpty(rows);
        Assert.All(rows.Concat(logs), text => Assert.DoesNotMatch("5105 ?1051 ?0510 ?510", text));
    }

    private static string Order() => Guid.CreateVersion7().ToString();

    private static async Task<(string, string)> TokenAsync(HttpResponseMessage response)
    {
        var token = (await response.ReadAsync())!;
        return ((string)token["brand"]!, (string)token["last4"]!);
    }

    private AuthorizeRequest.Types.Order Wanted(string order, string card) => new()
    {
        OrderId = order,
        CustomerId = _customerId,
        Token = card,
        Amount = new() { CurrencyCode = "EUR", MinorUnits = 1234 },
    };

    private async Task<Authorized> AuthorizeAsync(string order, string card) => Assert.Single((await _payment.AuthorizeAsync(new() { Orders = { Wanted(order, card) } })).Results).Outcome;

    private async Task<Captured> CaptureAsync(string order) => Assert.Single((await _payment.CaptureAsync(new() { OrderIds = { order } })).Outcomes);

    private async Task<Voided> VoidAsync(string order) => Assert.Single((await _payment.VoidAsync(new() { OrderIds = { order } })).Outcomes);

    private async Task<(decimal Authorized, decimal Captured, decimal Refunded)> BooksAsync(string order)
    {
        var since = DateTime.UtcNow.AddMinutes(-1).ToString("s");
        var payments = (await shop.Admin.GetAsync($"/api/admin/payments?limit=100&updatedSince={since}Z"))["items"]!.AsArray();
        var payment = payments.Single(payment => (string)payment!["orderId"]! == order)!;
        return (payment["authorized"]!.Amount(), payment["captured"]!.Amount(), payment["refunded"]!.Amount());
    }
}
