
namespace ShopMesh.Hosting.Tests;

/// <summary>Each rule finds its offender, in a shop where everything else is as it should be.</summary>
public sealed class AuditRulesTests
{
    private static readonly AuditedOrder Delivered = new("order-1", "alice", "delivered", [new("tea", 2, new(20m))], new(4.90m), new(24.90m), DateTimeOffset.UnixEpoch, 0, null);
    private static readonly AuditedOrder Cancelled = Delivered with { Id = "order-2", Status = "cancelled" };
    private static readonly AuditedOrder Rejected = Delivered with { Id = "order-3", Status = "rejected" };
    private static readonly AuditedPayment Captured = new("order-1", "captured", new(0), new(24.90m), new(0));
    private static readonly AuditedPayment Refunded = new("order-2", "refunded", new(0), new(24.90m), new(24.90m));
    private static readonly AuditedShipment Shipment = new("shipment-1", "order-1", "delivered");
    private static readonly AuditedStock Tea = new("tea", 8, 0, 8, new(10, 0, 4, 2));
    private static readonly ShopSnapshot Good = new([Delivered, Cancelled, Rejected], [Captured, Refunded], [Shipment, new("shipment-2", "order-2", "cancelled")], [Tea]);

    [Fact]
    public void A_good_shop_has_no_offender() =>
        Assert.Empty(AuditRules.Check(Good, [new("alice", "a", "order-1"), new("alice", "a", "order-1"), new("alice", "b", "order-2"), new("alice", "c", null), new("bob", "a", null)]));

    [Fact]
    public void An_empty_shop_has_no_offender() => Assert.Empty(AuditRules.Check(new([], [], [], []), []));

    [Theory]
    [InlineData("submitted")]
    [InlineData("reserved")]
    [InlineData("paid")]
    [InlineData("confirmed")]
    [InlineData("dispatched")]
    public void Rule_1_finds_an_order_that_has_not_ended(string status) =>
        AssertOffends(1, "order order-1", $"is still {status} (attempt 7: payment is away)", Good with { Orders = [Delivered with { Status = status, Attempts = 7, LastError = "payment is away" }, Cancelled, Rejected] });

    [Fact]
    public void Rule_1_finds_an_order_that_is_there_twice() => AssertOffends(1, "order order-3", "exists more than once", Good with { Orders = [Delivered, Cancelled, Rejected, Rejected] });

    [Fact]
    public void Rule_1_finds_an_order_that_was_answered_and_is_lost() =>
        AssertOffends(1, "order order-9", "was answered with 201 and does not exist", Good, new SentOrder("bob", "a", "order-9"));

    [Fact]
    public void Rule_1_finds_an_order_that_became_anothers() =>
        AssertOffends(1, "order order-3", "was placed by bob and is not theirs", Good, new SentOrder("bob", "a", "order-3"));

    [Theory]
    [InlineData(-1, 9)]
    [InlineData(9, -1)]
    public void Rule_2_finds_stock_that_is_reserved_out_of_bounds(long reserved, long available) =>
        AssertOffends(2, "product tea", $"has 8 on hand and {reserved} reserved", Good with { Stock = [Tea with { Reserved = reserved, Available = available }] });

    [Fact]
    public void Rule_2_finds_a_wrong_sum_of_what_is_available() =>
        AssertOffends(2, "product tea", "has 7 available, where 8 on hand − 0 reserved = 8", Good with { Stock = [Tea with { Available = 7 }] });

    [Fact]
    public void Rule_2_finds_stock_that_its_ledger_does_not_explain() => AssertOffends(
        2, "product tea", "has 9 on hand, where the ledger has 10 seeded + 0 corrected − 4 sold + 2 returned", Good with { Stock = [Tea with { OnHand = 9, Available = 9 }] });

    [Fact]
    public void Rule_2_finds_stock_that_stays_reserved_for_nobody() =>
        AssertOffends(2, "product tea", "has 3 reserved, where the orders hold 0", Good with { Stock = [Tea with { Reserved = 3, Available = 5 }] });

    [Fact]
    public void Rule_2_finds_pieces_that_were_sold_twice() => AssertOffends(
        2, "product tea", "has 6 sold − 2 returned, where the orders contain 2", Good with { Stock = [Tea with { OnHand = 6, Available = 6, Ledger = new(10, 0, 6, 2) }] });

    [Fact]
    public void Rule_2_finds_a_sold_product_without_stock() => AssertOffends(2, "product tea", "was sold 2 times and has no stock", Good with { Stock = [] });

    [Fact]
    public void Rule_2_leaves_alone_what_an_open_order_may_be_changing() =>
        Assert.DoesNotContain(
            AuditRules.Check(Good with { Orders = [.. Good.Orders, Delivered with { Id = "order-4", Status = "submitted" }], Stock = [Tea with { Reserved = 2, Available = 6 }] }, []),
            offender => offender.Rule == 2);

    [Fact]
    public void Rule_3_finds_a_sold_order_that_nobody_paid_for() => AssertOffends(
        3, "order order-1", "is delivered with a total of 24.90, where 0.00 captured − 0.00 refunded = 0.00", Good with { Payments = [Refunded] });

    [Fact]
    public void Rule_3_finds_a_sold_order_that_was_refunded() => AssertOffends(
        3, "order order-1", "is delivered with a total of 24.90, where 24.90 captured − 24.90 refunded = 0.00", Good with { Payments = [Captured with { Refunded = new(24.90m) }, Refunded] });

    [Fact]
    public void Rule_3_finds_a_payment_that_was_captured_twice() => AssertOffends(
        3, "order order-2", "has a total of 24.90, and 49.80 was captured", Good with { Payments = [Captured, Refunded with { Captured = new(49.80m), Refunded = new(49.80m) }] });

    [Fact]
    public void Rule_3_finds_a_cancelled_order_that_was_kept_paid() => AssertOffends(
        3, "order order-2", "is cancelled, where 24.90 captured − 0.00 refunded = 24.90", Good with { Payments = [Captured, Refunded with { Refunded = new(0) }] });

    [Fact]
    public void Rule_3_finds_an_authorisation_that_was_left_open() => AssertOffends(
        3, "order order-3", "is rejected and an authorisation of 24.90 is open", Good with { Payments = [Captured, Refunded, new("order-3", "authorized", new(24.90m), new(0), new(0))] });

    [Fact]
    public void Rule_3_finds_a_second_payment() => AssertOffends(3, "order order-1", "has more than one payment", Good with { Payments = [Captured, Captured, Refunded] });

    [Fact]
    public void Rule_3_finds_a_payment_for_nothing() =>
        AssertOffends(3, "the payment of order order-9", "belongs to no order", Good with { Payments = [Captured, Refunded, new("order-9", "voided", new(0), new(0), new(0))] });

    [Fact]
    public void Rule_3_finds_a_total_that_does_not_add_up() => AssertOffends(
        3,
        "order order-1",
        "has a total of 24.00, where its lines and its shipping come to 24.90",
        Good with { Orders = [Delivered with { Total = new(24m) }, Cancelled, Rejected], Payments = [Captured with { Captured = new(24m) }, Refunded] });

    [Fact]
    public void Rule_4_finds_a_sold_order_without_a_shipment() => AssertOffends(4, "order order-1", "is delivered and has no shipment", Good with { Shipments = [] });

    [Fact]
    public void Rule_4_finds_a_sold_order_whose_shipment_was_cancelled() =>
        AssertOffends(4, "order order-1", "is delivered and has 1 cancelled", Good with { Shipments = [Shipment with { Status = "cancelled" }] });

    [Fact]
    public void Rule_4_finds_an_order_that_was_sent_twice() =>
        AssertOffends(4, "order order-1", "is delivered and has 2 delivered", Good with { Shipments = [Shipment, Shipment with { Id = "shipment-9" }] });

    [Theory]
    [InlineData("order-2", "cancelled", "created")]
    [InlineData("order-3", "rejected", "dispatched")]
    public void Rule_4_finds_a_shipment_of_an_order_that_was_not_sold(string order, string status, string shipment) =>
        AssertOffends(4, $"order {order}", $"is {status} and has 1 {shipment}", Good with { Shipments = [Shipment, new("shipment-9", order, shipment)] });

    [Fact]
    public void Rule_4_finds_a_shipment_for_nothing() =>
        AssertOffends(4, "shipment shipment-9", "belongs to order order-9, which does not exist", Good with { Shipments = [Shipment, new("shipment-9", "order-9", "created")] });

    [Fact]
    public void Rule_5_finds_a_key_that_was_answered_with_two_orders() => AssertOffends(
        5,
        "the key a of alice",
        "was answered with orders order-1 and order-2",
        Good,
        new("alice", "a", "order-1"),
        new("alice", "a", "order-2"),
        new("alice", "b", "order-3"),
        new("alice", "c", null));

    [Fact]
    public void Rule_5_finds_an_order_that_nobody_asked_for() =>
        AssertOffends(5, "customer alice", "sent 2 keys and has 3 orders", Good, new("alice", "a", "order-1"), new("alice", "b", "order-2"));

    /// <summary>Only this, where the order being open makes no other difference.</summary>
    private static void AssertOffends(int rule, string subject, string problem, ShopSnapshot shop, params SentOrder[] sent)
    {
        var offenders = AuditRules.Check(shop, sent).ToList();
        Assert.Contains(new Offender(rule, subject, problem), offenders);
        Assert.All(offenders, offender => Assert.True(offender.Rule == rule || rule == 1, offender.ToString()));
    }
}
