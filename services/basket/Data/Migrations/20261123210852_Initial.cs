using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ShopMesh.Basket.Data.Migrations
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "basket_items",
                columns: table => new
                {
                    customer_id = table.Column<string>(type: "text", nullable: false),
                    product_id = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    quantity = table.Column<int>(type: "integer", nullable: false),
                    added_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_basket_items", x => new { x.customer_id, x.product_id });
                    table.CheckConstraint("ck_basket_items_quantity", "quantity BETWEEN 1 AND 100");
                });

            migrationBuilder.CreateTable(
                name: "removed_orders",
                columns: table => new
                {
                    order_id = table.Column<string>(type: "text", nullable: false),
                    at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_removed_orders", x => x.order_id);
                });

            migrationBuilder.CreateIndex(
                name: "ix_removed_orders_at",
                table: "removed_orders",
                column: "at");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "basket_items");

            migrationBuilder.DropTable(
                name: "removed_orders");
        }
    }
}
